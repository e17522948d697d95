/** Owns the forgotten password as JSON. Nobody is signed in by it. Start reading at `recoveryApiRoutes`. */
import { z } from 'zod'
import type { Ctx } from '../ctx.ts'
import { type Call, openRoute } from '../http/open-call.ts'
import { json, type Reply } from '../http/reply.ts'
import type { Route } from '../http/route.ts'
import { askForLetter, tooManyLetters, tryMailedCode } from '../login/by-mail.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { browserCookie } from '../sessions/cookie.ts'
import { resetLinkOf, resetPassword } from './reset.ts'

const text = z.string().max(320)
const base = '/api/v1/auth'

const who = z.strictObject({ login: text })

const forgot = async (ctx: Ctx, { request, browser, body }: Call<z.infer<typeof who>>): Promise<Reply | Denial> => {
  const asked = await askForLetter(ctx, request, browser, { purpose: 'reset_password', login: body.login })
  if (asked.limited) return tooManyLetters
  return json({ status: 'reset_sent', id: asked.id }, 202, { cookies: browserCookie(browser) })
}

const choice = z.strictObject({
  id: text.optional(),
  code: text.optional(),
  token: text.optional(),
  password: z.string().max(4096),
})

/** `{token, password}` of the letter's link, or `{id, code, password}` where it was asked for. */
const reset = async (ctx: Ctx, call: Call<z.infer<typeof choice>>): Promise<Reply | Denial> => {
  const { request, body } = call
  const token = body.token ?? (await byCode(ctx, call))
  if (isDenial(token)) return token
  const done = await resetPassword(ctx, request, { token, password: body.password })
  if (!isDenial(done)) return json({ status: 'password_set' }, 200, { log: { user_id: done.user_id } })
  // A code is used up by now: with the token of its proof another password is chosen.
  const goesOn = body.token === undefined && done.error === 'weak_password'
  return goesOn ? { ...done, members: { token } } : done
}

const byCode = async (ctx: Ctx, { request, browser, body }: Call<z.infer<typeof choice>>): Promise<string | Denial> => {
  const typed = { id: body.id ?? '', purpose: 'reset_password', code: body.code ?? '' } as const
  const oneTime = await tryMailedCode(ctx, request, browser, typed)
  return isDenial(oneTime) ? oneTime : await resetLinkOf(ctx, oneTime, request.now)
}

export const recoveryApiRoutes: Route[] = [
  openRoute({
    path: `${base}/forgot-password`,
    tag: 'Letters',
    limit: 'mail',
    summary: 'Ask for a letter that resets a password, whoever has the account',
    body: who,
    answers: { 202: z.object({ status: z.literal('reset_sent'), id: z.string() }) },
    handler: forgot,
  }),
  openRoute({
    path: `${base}/reset-password`,
    tag: 'Letters',
    limit: 'login',
    summary: 'Set a new password with the token or the code of the letter',
    body: choice,
    answers: { 200: z.object({ status: z.literal('password_set') }) },
    refuses: [409, 422],
    handler: reset,
  }),
]
