/**
 * Owns how old a proof may be for what a thief of a session must not do: credentials, addresses, data, deletion (security
 * rule LI-4). Pages send the person to prove themselves and bring them back; the API says so.
 */
import type { Ctx } from '../ctx.ts'
import type { BrowserPrincipal, PersonPrincipal } from '../http/principal.ts'
import { refuse } from '../http/errors.ts'
import { type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { challenge } from '../token/bearer.ts'
import { actedFor, notByKey } from './person.ts'

type Proof = { auth_time: Date; device_trusted: boolean }

/**
 * Whether the last proof of a sign-in is young enough: at the bound itself it still is. A trusted device that stood in for a
 * second step has proved nothing (security rule MF-4).
 */
export const isFresh = (ctx: Ctx, { auth_time, device_trusted }: Proof, now: Date): boolean =>
  !device_trusted && now.getTime() - auth_time.getTime() <= ctx.config.freshness_seconds * 1000

/** For pages: the way to prove oneself afresh and come back to `return_to`, or undefined when that is not needed. */
export const proveFirst = (
  ctx: Ctx,
  request: HttpRequest,
  { session }: Pick<BrowserPrincipal, 'session'>,
  return_to: `/account${string}`,
): Reply | undefined => {
  if (session === undefined) return redirectLocal(`/login?return_to=${encodeURIComponent(return_to)}`)
  if (session.actor_id !== null) return refuse(ctx, actedFor, 'page', { route: '/account', request })
  if (isFresh(ctx, session, request.now)) return undefined
  return redirectLocal(`/login?again=1&return_to=${encodeURIComponent(return_to)}`)
}

/**
 * For the API: 403 with the address where a browser proves itself afresh; 401 for an application, which sends the person
 * through an authorization request with `max_age` (RFC 9470 §3). Somebody who acts for another never may.
 */
export const requireFresh = (ctx: Ctx, request: HttpRequest, person: PersonPrincipal): Denial | undefined => {
  if (person.acted) return actedFor
  if (person.api_key && !person.service) return notByKey
  if (isFresh(ctx, person, request.now)) return undefined
  const max_age = ctx.config.freshness_seconds
  const because = {
    rule: 'the proof of who this is, is fresh (LI-4, RFC 9470)',
    expected: `at most ${max_age} seconds old`,
    got: person.device_trusted ? 'one that a trusted device stood in for' : `of ${person.auth_time.toISOString()}`,
    remedy: 'Sign in again, then repeat the call.',
  }
  if (person.browser) {
    const members = { continue: `${ctx.config.issuer}/login?again=1&return_to=%2Faccount` }
    return deny('reauthentication_required', 'Confirm that it is you, then try again.', because, {
      status: 403,
      members,
    })
  }
  const www_authenticate = `${challenge('insufficient_user_authentication')}, max_age="${max_age}"`
  return deny('insufficient_user_authentication', 'A more recent sign-in is needed.', because, {
    status: 401,
    www_authenticate,
  })
}
