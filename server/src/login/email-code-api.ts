/** Owns the sign-in by mail as JSON. Start reading at `emailCodeApiRoutes`. */
import { z } from 'zod'
import type { Ctx } from '../ctx.ts'
import { type Call, openRoute } from '../http/open-call.ts'
import { json, type Reply } from '../http/reply.ts'
import type { Route } from '../http/route.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { browserCookie } from '../sessions/cookie.ts'
import { deadLink, type OneTime } from '../users/one-time.ts'
import { apiReplyOf, signInRefuses, signInSchema } from './api-reply.ts'
import { askForLetter, tooManyLetters, tryMailedCode } from './by-mail.ts'
import { emailSignInOff, signInByMail, spendSignIn } from './email-code.ts'

const text = z.string().max(320)
const base = '/api/v1/auth'

const who = z.strictObject({ login: text })

const ask = async (ctx: Ctx, { request, browser, body }: Call<z.infer<typeof who>>): Promise<Reply | Denial> => {
  const off = emailSignInOff(ctx)
  if (off) return off
  const asked = await askForLetter(ctx, request, browser, { purpose: 'sign_in', login: body.login })
  if (asked.limited) return tooManyLetters
  return json({ status: 'code_sent', id: asked.id }, 202, { cookies: browserCookie(browser) })
}

const proof = z.strictObject({ id: text.optional(), code: text.optional(), token: text.optional() })

/** `{id, code}` where it was asked for, or `{token}` of the letter's link. */
const verify = async (ctx: Ctx, call: Call<z.infer<typeof proof>>): Promise<Reply | Denial> => {
  const { request, browser, where } = call
  const oneTime = emailSignInOff(ctx) ?? (await proved(ctx, call))
  if (isDenial(oneTime)) return oneTime
  return await apiReplyOf(ctx, browser, await signInByMail(ctx, request, browser, oneTime), where)
}

const proved = async (ctx: Ctx, { request, browser, body }: Call<z.infer<typeof proof>>): Promise<OneTime | Denial> => {
  if (body.token !== undefined) return (await spendSignIn(ctx, body.token, request.now)) ?? deadLink
  const typed = { id: body.id ?? '', purpose: 'sign_in', code: body.code ?? '' } as const
  return await tryMailedCode(ctx, request, browser, typed)
}

export const emailCodeApiRoutes: Route[] = [
  openRoute({
    path: `${base}/email-code`,
    tag: 'Signing in',
    limit: 'mail',
    summary: 'Ask for a code that signs in, whoever has the account',
    body: who,
    answers: { 202: z.object({ status: z.literal('code_sent'), id: z.string() }) },
    handler: ask,
  }),
  openRoute({
    path: `${base}/email-code/verify`,
    tag: 'Signing in',
    limit: 'login',
    summary: 'Sign in with the code or the token of the letter',
    body: proof,
    answers: { 200: signInSchema },
    refuses: signInRefuses,
    handler: verify,
  }),
]
