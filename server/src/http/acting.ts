/** Owns the banner of an administrator who acts as somebody else: on every page that they see (security rule AD-4). */
import type { Ctx } from '../ctx.ts'
import { csrfToken } from './csrf.ts'
import { pathOf } from './paths.ts'
import type { Principals } from './principal.ts'
import type { Auth } from './route.ts'

/** What somebody who acts for another is told of what only that other may do. */
export const notForOthers = 'Whoever acts for somebody else cannot do this.'

/** As whom, and the form that ends it. */
export type Acting = { name: string; stop: string; csrf: string }

/** The purpose that the form of the banner is bound to: the session in which somebody acts. */
export const stopForms = (session_id: string): string => `stop|${session_id}`

/** The banner for a caller; undefined for everybody who is themselves. */
export const actingOf = (ctx: Ctx, principal: Principals[Auth]): Acting | undefined => {
  if (principal === null || !('isNew' in principal) || principal.session?.actor_id == null) return undefined
  const { subject, session, browser } = principal
  const name = subject?.name ?? subject?.email ?? subject?.username ?? session.user_id
  return { name, stop: pathOf(ctx, '/impersonation/stop'), csrf: csrfToken(ctx, browser, stopForms(session.id)) }
}
