/**
 * Owns what a grant is: a way to get tokens. The endpoint owns the shared steps; a grant adds only its own parameters,
 * its two roads and its pure decision.
 */
import type { Ctx } from '../ctx.ts'
import type { ClientPrincipal } from '../http/principal.ts'
import type { HttpRequest } from '../http/request.ts'
import type { Holder } from '../protocol/claims.ts'
import type { Denial } from '../protocol/errors.ts'

/** What a grant yields: everything `issue` needs to mint, and nothing it could decide by itself. */
export type Granted = {
  client: ClientPrincipal['client']
  scope: string
  resources: string[]
  now: Date
  /** What a client holds that acts for itself with the rights of a service account. */
  service?: Pick<Holder, 'roles' | 'permissions'>
  /** Absent when the client acts for itself. */
  person?: {
    subject: Holder
    auth_time: Date
    acr: string
    amr: string[]
    session_id: string
    /** Ties the access tokens to the session. Not for offline families, which outlive it. */
    bound_to_session: boolean
    grant_id: string
    nonce?: string | undefined
    /** Who acts as the person (RFC 8693 §4.1); then there is no refresh token. */
    actor_id?: string | undefined
  }
  /** The refresh token of the family, when there is one. */
  refresh?: { id: string; gen: number; nonce: Buffer }
}

export type GrantRequest = { request: HttpRequest; client: ClientPrincipal['client'] }

export type Grant = {
  /** The value of `grant_type` (RFC 6749 §4.1.3, §4.4.2, §6). */
  grant_type: string
  /** Redeems: either what was granted, or a refusal that was recorded and committed together with its effects. */
  redeem: (ctx: Ctx, facts: GrantRequest) => Promise<Granted | Denial>
}
