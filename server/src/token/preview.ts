/**
 * Owns the look at tokens that nobody gets: what each would say, how large it would be, what to mind. Made by the very functions
 * that issue tokens, so that it cannot say anything else than they do.
 */
import { randomUUID } from 'node:crypto'
import type { Ctx } from '../ctx.ts'
import type { ClientsRow } from '../db/tables.gen.ts'
import type { MappingRule } from '../protocol/claim-mapping.ts'
import { claimsFor, type Subject } from '../protocol/claims.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { decideResources } from '../protocol/resource.ts'
import { decideScope, formatScope } from '../protocol/scope.ts'
import { largestClaim } from './budget.ts'
import { customClaims } from './custom-claims.ts'
import type { Granted } from './grant.ts'
import { accessClaimsOf, idClaimsOf } from './issue.ts'

export type Asked = { client: ClientsRow; subject: Subject | undefined; scope: string; resources: string[]; now: Date }
export type PreviewedToken = { claims: Record<string, unknown>; bytes: number; budget_bytes: number }
export type Preview = {
  access_token: PreviewedToken & { format: 'jwt' | 'opaque'; expires_in: number; alg: string }
  id_token: PreviewedToken | null
  userinfo: Record<string, unknown> | null
  warnings: string[]
}

/** What the tokens of a request would be. Refusals: `invalid_scope`, `invalid_target`. */
export const preview = async (ctx: Ctx, asked: Asked): Promise<Preview | Denial> => {
  const granted = await grantedOf(ctx, asked)
  if (isDenial(granted)) return granted
  const made = await accessClaimsOf(ctx, granted)
  if (isDenial(made)) return made
  const { claims, form } = made
  // The signature is made for its length; nobody sees it.
  const token = ctx.signer.sign(form.alg, 'at+jwt', claims)
  const access_token = {
    claims: { ...claims },
    bytes: token.length,
    budget_bytes: form.budgetBytes,
    format: form.opaque ? ('opaque' as const) : ('jwt' as const),
    expires_in: form.ttlSeconds,
    alg: form.alg,
  }
  const id_token = await previewIdToken(ctx, granted, token)
  const userinfo = await previewUserinfo(ctx, granted, asked.subject)
  const warnings = [
    ...(form.opaque ? [] : warningsOf('access_token', access_token)),
    ...(id_token === null ? [] : warningsOf('id_token', id_token)),
  ]
  return { access_token, id_token, userinfo, warnings }
}

const grantedOf = async (ctx: Ctx, asked: Asked): Promise<Granted | Denial> => {
  const { client, subject, now } = asked
  const scopes = decideScope(asked.scope, client.scope.split(' '), 'none')
  if (isDenial(scopes)) return scopes
  const resources = decideResources(asked.resources, client.resources)
  if (isDenial(resources)) return resources
  const account = client.service_account_id === null ? undefined : await ctx.subjects.get(client.service_account_id)
  const ids = { session_id: randomUUID(), grant_id: randomUUID() }
  const person = subject && { subject, auth_time: now, acr: 'aal1', amr: ['pwd'], bound_to_session: true, ...ids }
  return {
    client,
    scope: formatScope(scopes),
    resources,
    now,
    ...(person ? { person } : account && { service: { roles: account.roles, permissions: account.permissions } }),
  }
}

const previewIdToken = async (ctx: Ctx, granted: Granted, access_token: string): Promise<PreviewedToken | null> => {
  const { client, person, scope } = granted
  if (!person || !scope.split(' ').includes('openid')) return null
  const claims = await idClaimsOf(ctx, granted, person, access_token)
  const token = ctx.signer.sign(client.id_token_signed_response_alg, 'JWT', claims)
  return { claims, bytes: token.length, budget_bytes: ctx.config.token_budget_bytes }
}

const previewUserinfo = async (
  ctx: Ctx,
  { client, scope }: Granted,
  subject: Subject | undefined,
): Promise<Record<string, unknown> | null> => {
  const scopes = scope.split(' ')
  if (subject === undefined || !scopes.includes('openid')) return null
  const rules = client.claim_mapping as MappingRule[]
  const custom = await customClaims(ctx, rules, 'userinfo', { client, user_id: subject.id })
  return { ...custom, sub: subject.id, ...claimsFor(subject, scopes) }
}

const warningsOf = (name: string, { bytes, budget_bytes, claims }: PreviewedToken): string[] =>
  bytes <= budget_bytes
    ? []
    : [`${name} has ${bytes} bytes, its budget is ${budget_bytes}: ${largestClaim(claims)} takes the most room.`]
