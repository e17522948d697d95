/**
 * Owns the API of what a person signs in with: the password (POST /api/v1/auth/change-password) and the address
 * (/api/v1/users/me/email). The operations are those of the pages.
 */
import { z } from 'zod'
import { requireFresh } from '../access/freshness.ts'
import type { Ctx } from '../ctx.ts'
import { type ApiCall, apiRoute } from '../http/api-route.ts'
import type { PersonPrincipal } from '../http/principal.ts'
import { empty, json, type Reply } from '../http/reply.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { hashToken } from '../protocol/opaque-token.ts'
import { askNewEmail, type EmailOwner, proveNewEmail } from '../users/own-email.ts'
import { changeOwnPassword } from '../users/own-password.ts'
import { loadSubject } from '../users/subject.ts'
import { personSchema, personView } from '../users/view.ts'

const newPassword = z.strictObject({
  current_password: z.string().max(4096).optional(),
  new_password: z.string().max(4096),
})

/** 204: the session of this browser goes on under a new cookie, everything else has ended. */
const changePassword = async (
  ctx: Ctx,
  { request, person, body: sent }: ApiCall<z.infer<typeof newPassword>, unknown>,
): Promise<Reply | Denial> => {
  const { current_password: current, new_password: password } = sent
  const unproved = current === undefined ? requireFresh(ctx, request, person) : undefined
  if (unproved) return unproved
  const { subject, browser } = person
  const done = await changeOwnPassword(ctx, request, { subject, proof: person, browser, current, password })
  return isDenial(done) ? done : empty(204, { cookies: done.cookies })
}

/** The code of a new address is typed where it was asked for: in the same browser, or by the same sign-in of an application. */
const ownerOf = ({ subject, browser, client_id = '', sid }: PersonPrincipal): EmailOwner => ({
  subject,
  bound_to: hashToken(browser?.browser ?? `application|${client_id}|${sid ?? ''}`),
  sid,
})

const newEmail = z.strictObject({ email: z.string().max(400) })

/** 202 whatever becomes of it: whether somebody has the address is nobody's business. */
const askEmail = async (
  ctx: Ctx,
  { request, person, body: sent }: ApiCall<z.infer<typeof newEmail>, unknown>,
): Promise<Reply | Denial> => {
  const unproved = requireFresh(ctx, request, person)
  if (unproved) return unproved
  const asked = await askNewEmail(ctx, request, { owner: ownerOf(person), email: sent.email })
  return isDenial(asked) ? asked : json({ status: 'code_sent', id: asked.id }, 202)
}

const emailCode = z.strictObject({ id: z.string().max(100), code: z.string().max(100) })

const proveEmail = async (
  ctx: Ctx,
  { request, person, body: sent }: ApiCall<z.infer<typeof emailCode>, unknown>,
): Promise<Reply | Denial> => {
  const refused = await proveNewEmail(ctx, request, { owner: ownerOf(person), ...sent })
  if (refused) return refused
  const subject = await loadSubject(ctx.db, person.subject.id)
  return json({ user: personView(subject ?? person.subject) })
}

const own = { tag: 'One’s own account', may: 'self' } as const

export const credentialsApiRoutes = [
  apiRoute({
    ...own,
    method: 'POST',
    path: '/api/v1/auth/change-password',
    limit: 'login',
    summary: "Change one's own password, or set the first one",
    body: newPassword,
    answers: { 204: 'empty' },
    refuses: [409, 422],
    handler: changePassword,
  }),
  apiRoute({
    ...own,
    method: 'POST',
    path: '/api/v1/users/me/email',
    limit: 'mail',
    summary: 'Have a code sent to a new address, or to the own one',
    body: newEmail,
    answers: { 202: z.object({ status: z.literal('code_sent'), id: z.string() }) },
    refuses: [409, 422],
    handler: askEmail,
  }),
  apiRoute({
    ...own,
    method: 'POST',
    path: '/api/v1/users/me/email/verify',
    limit: 'login',
    summary: 'Prove a new address by its code',
    body: emailCode,
    answers: { 200: z.object({ user: personSchema }) },
    refuses: [409, 422],
    handler: proveEmail,
  }),
]
