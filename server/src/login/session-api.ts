/** Owns what a script of a page of ours learns about the sign-in of its browser. */
import type { Ctx } from '../ctx.ts'
import { csrfToken } from '../http/csrf.ts'
import type { PersonPrincipal } from '../http/principal.ts'
import { json, type Reply } from '../http/reply.ts'
import { route } from '../http/route.ts'
import type { Subject } from '../protocol/claims.ts'
import { ownForms } from '../sessions/cookie.ts'

/** A person as the API shows them to themselves. */
export const userView = (subject: Subject) => {
  const { claims: _, role_acr: __, updated_at, ...plain } = subject
  return { ...plain, updated_at: updated_at.toISOString() }
}

const show = (ctx: Ctx, person: PersonPrincipal): Reply => {
  const { subject, auth_time, acr, amr, sid, browser } = person
  return json({
    user: userView(subject),
    sid,
    auth_time: auth_time.toISOString(),
    acr,
    amr,
    ...(browser && { csrf_token: csrfToken(ctx, browser.browser, ownForms(browser)) }),
  })
}

export const sessionApiRoutes = [
  route({
    method: 'GET',
    path: '/api/v1/auth/session',
    auth: 'person',
    may: 'self',
    errors: 'problem',
    summary: 'Who is signed in, how, and the token that unsafe calls with this cookie need',
    handler: (ctx, _request, person) => show(ctx, person),
  }),
]
