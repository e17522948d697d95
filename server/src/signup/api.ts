/** Owns registration as JSON: the same steps as the pages, in the browser that began. Start reading at `signupApiRoutes`. */
import { z } from 'zod'
import type { Ctx } from '../ctx.ts'
import { type Call, openRoute } from '../http/open-call.ts'
import { json, type Reply } from '../http/reply.ts'
import type { Route } from '../http/route.ts'
import { apiReplyOf, signInSchema } from '../login/api-reply.ts'
import { type Asked, askAgain, tooManyLetters, tryMailedCode } from '../login/by-mail.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { browserCookie } from '../sessions/cookie.ts'
import { signInFirst } from './begin-session.ts'
import { type Born, finishByCode, finishByLink } from './finish.ts'
import { askForAccount } from './register.ts'

const text = z.string().max(320)
const password = z.string().max(4096)
const base = '/api/v1/auth'

const wanted = z.strictObject({ email: text, password, name: text.optional(), username: text.optional() })

const register = async (ctx: Ctx, { request, browser, body }: Call<z.infer<typeof wanted>>): Promise<Reply | Denial> =>
  sent({ browser }, await askForAccount(ctx, request, browser, { wanted: body }))

/** The same whoever has the address: `id` names the code that may be typed in this browser. */
const sent = ({ browser }: Pick<Call<unknown>, 'browser'>, asked: Asked | Denial): Reply | Denial => {
  if (isDenial(asked)) return asked
  if (asked.limited) return tooManyLetters
  return json({ status: 'verification_sent', id: asked.id }, 202, { cookies: browserCookie(browser) })
}

const proof = z.strictObject({
  id: text.optional(),
  code: text.optional(),
  token: text.optional(),
  name: text.optional(),
  username: text.optional(),
  password: password.optional(),
})

/** `{id, code}` where it was asked for, or `{token, name?, username?, password?}` of the letter's link. */
const verify = async (ctx: Ctx, call: Call<z.infer<typeof proof>>): Promise<Reply | Denial> => {
  const { request, browser, body, where } = call
  const born = body.token === undefined ? await byCode(ctx, call) : await byToken(ctx, call, body.token)
  if (isDenial(born)) return born
  return await apiReplyOf(
    ctx,
    browser,
    await signInFirst(ctx, request, browser, { ...born, method: 'registration' }),
    where,
  )
}

const byToken = async (ctx: Ctx, call: Call<z.infer<typeof proof>>, token: string): Promise<Born | Denial> => {
  const { request, browser, body } = call
  const choice = { name: body.name, username: body.username, password: body.password }
  return await finishByLink(ctx, request, browser, { token, choice })
}

const byCode = async (ctx: Ctx, call: Call<z.infer<typeof proof>>): Promise<Born | Denial> => {
  const { request, browser, body } = call
  const typed = { id: body.id ?? '', purpose: 'verify_email', code: body.code ?? '' } as const
  const oneTime = await tryMailedCode(ctx, request, browser, typed)
  if (isDenial(oneTime)) return oneTime
  const born = await finishByCode(ctx, request, oneTime)
  if (isDenial(born) || !('token' in born)) return born
  // The code is used up; with the token another user name is chosen.
  return { ...born.denial, members: { token: born.token } }
}

const known = z.strictObject({ id: text })

const resend = async (ctx: Ctx, { request, browser, body }: Call<z.infer<typeof known>>): Promise<Reply | Denial> =>
  sent({ browser }, await askAgain(ctx, request, browser, { id: body.id, purpose: 'verify_email' }))

const facts = { tag: 'Registration' } as const
const sentSchema = z.object({ status: z.literal('verification_sent'), id: z.string() })

export const signupApiRoutes: Route[] = [
  openRoute({
    ...facts,
    path: `${base}/register`,
    limit: 'mail',
    summary: 'Ask for an account; a letter follows, whoever has the address',
    body: wanted,
    answers: { 202: sentSchema },
    refuses: [409, 422],
    handler: register,
  }),
  openRoute({
    ...facts,
    path: `${base}/verify-email`,
    limit: 'login',
    summary: 'Prove the address of a new account with the code or the token of the letter',
    body: proof,
    answers: { 200: signInSchema },
    refuses: [409, 422],
    handler: verify,
  }),
  openRoute({
    ...facts,
    path: `${base}/resend-verification`,
    limit: 'mail',
    summary: 'Send the letter of a registration again',
    body: known,
    answers: { 202: sentSchema },
    handler: resend,
  }),
]
