/** Owns what a script of a page of ours learns about the sign-in of its browser. */
import { z } from 'zod'
import type { Ctx } from '../ctx.ts'
import { apiRoute, instant } from '../http/api-route.ts'
import { csrfToken } from '../http/csrf.ts'
import type { PersonPrincipal } from '../http/principal.ts'
import { json, type Reply } from '../http/reply.ts'
import { ownForms } from '../sessions/cookie.ts'
import { personSchema, personView } from '../users/view.ts'

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

const sessionSchema = z.object({
  user: personSchema,
  sid: z.string().optional(),
  auth_time: instant,
  acr: z.string(),
  amr: z.array(z.string()),
  csrf_token: z.string().optional().describe('for the X-CSRF-Token of unsafe calls with the session cookie'),
})

export const sessionApiRoutes = [
  apiRoute({
    method: 'GET',
    path: '/api/v1/auth/session',
    tag: 'Signing in',
    may: 'self',
    summary: 'Who is signed in, how, and the token that unsafe calls with this cookie need',
    answers: { 200: sessionSchema },
    handler: async (ctx, { person }) => await Promise.resolve(show(ctx, person)),
  }),
]
