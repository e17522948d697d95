/**
 * Owns what the owner of an application may not give it: trust of the deployment, scopes and APIs that are not for everybody,
 * and more than they hold themselves (security rules RG-1, AD-2). Pure.
 */
import type { MappingRule } from '../protocol/claim-mapping.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { parseScope, standardScopes } from '../protocol/scope.ts'
import { deviceGrant } from './metadata.ts'
import type { ClientValues } from './store.ts'

/** What everybody may name: APIs that are open or one's own, and the scopes that are their permissions. */
export type Open = { resources: ReadonlySet<string>; own: ReadonlySet<string>; scopes: ReadonlySet<string> }

type Values = Omit<ClientValues, 'client_id'>

/** Refuses what only holders of applications:write may set. What stood there before may stay. */
export const checkOwnerMay = (before: Values | undefined, after: Values, open: Open): Denial | undefined => {
  const member = findBeyond(before, after, open)
  if (member !== undefined) return privileged(member)
  // People are not asked what they allow it, or more is told of them: where that goes is not for its owner to change.
  const touched = before && isTrusted(before) ? trustBearing.find((name) => differs(before, after, name)) : undefined
  return touched === undefined ? undefined : privileged(touched)
}

const isTrusted = ({ first_party, claim_mapping }: Values): boolean =>
  first_party || (claim_mapping as MappingRule[]).length > 0

/** What decides who gets the tokens and how. */
const trustBearing = [
  'type',
  'redirect_uris',
  'post_logout_redirect_uris',
  'allowed_origins',
  'grant_types',
  'token_endpoint_auth_method',
  'require_pkce',
  'consent',
] as const

const differs = (before: Values, after: Values, name: keyof Values): boolean =>
  JSON.stringify(before[name]) !== JSON.stringify(after[name])

const ordinaryGrants: ReadonlySet<string> = new Set([
  'authorization_code',
  'refresh_token',
  'client_credentials',
  deviceGrant,
])
const standard: ReadonlySet<string> = new Set(standardScopes)

/** The first member that says more than an owner may. */
const findBeyond = (before: Values | undefined, after: Values, open: Open): string | undefined => {
  if (after.first_party && !before?.first_party) return 'first_party'
  if (after.service_account_id !== null && after.service_account_id !== (before?.service_account_id ?? null))
    return 'service_account_id'
  const mapping = JSON.stringify(after.claim_mapping)
  if (mapping !== '[]' && mapping !== JSON.stringify(before?.claim_mapping)) return 'claim_mapping'
  if (after.managed_name !== (before?.managed_name ?? null)) return 'managed_name'
  const scopes = added(parseScope(before?.scope ?? ''), parseScope(after.scope))
  if (scopes.some((name) => !standard.has(name) && !open.scopes.has(name))) return 'scope'
  if (added(before?.resources, after.resources).some((uri) => !open.resources.has(uri))) return 'resources'
  if (added(before?.audiences, after.audiences).some((uri) => !open.own.has(uri))) return 'audiences'
  const grants = added(before?.grant_types, after.grant_types)
  return grants.some((grant) => !ordinaryGrants.has(grant)) ? 'grant_types' : undefined
}

const added = (before: readonly string[] = [], after: readonly string[]): string[] =>
  after.filter((one) => !before.includes(one))

/** What describes an application without changing what it can do: no question of the ceiling. */
const descriptive: ReadonlySet<string> = new Set([
  'client_name',
  'description',
  'contacts',
  'client_uri',
  'logo_uri',
  'policy_uri',
  'tos_uri',
])

/** Whether a change reaches further than the words about an application. */
export const changesPower = (before: Values | undefined, after: Values): boolean =>
  before === undefined ||
  (Object.keys(after) as (keyof Values)[]).some((name) => !descriptive.has(name) && differs(before, after, name))

/**
 * Whether people give it the administration of this server without being asked: whoever has it in hand has what any of them
 * holds.
 */
export const isAdministrative = ({ first_party, scope, resources }: Values, api: string): boolean =>
  first_party && parseScope(scope).includes('admin') && resources.includes(api)

const privileged = (member: string): Denial =>
  deny(
    'permission_denied',
    `Only administrators of applications can set ${member} so.`,
    {
      rule: 'an owner gives an application nothing beyond what is for everybody (RG-1, AD-2)',
      expected: 'the permission applications:write',
      got: `a change of ${member}`,
      remedy: 'Ask an administrator.',
    },
    { status: 403 },
  )
