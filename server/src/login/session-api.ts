/** Owns what a script of a page of ours learns about the sign-in of its browser. */
import type { Ctx } from '../ctx.ts'
import { csrfToken } from '../http/csrf.ts'
import type { PersonPrincipal } from '../http/principal.ts'
import { json, type Reply } from '../http/reply.ts'
import { route } from '../http/route.ts'
import { ownForms } from '../sessions/cookie.ts'
import { personView } from '../users/view.ts'

const show = (ctx: Ctx, person: PersonPrincipal): Reply => {
  const { subject, auth_time, acr, amr, sid, browser } = person
  return json({
    user: personView(subject),
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
