/**
 * Owns refreshing (RFC 6749 §6, RFC 9700 §4.14): every use rotates; the previous token within the grace gives the same
 * successor again, so a lost answer costs nobody their sign-in; any older one revokes the family. Fast road: one
 * guarded update. Careful road: the family locked, `decide`, effects and refusal committed together.
 */
import type { Ctx } from '../../ctx.ts'
import type { Tx } from '../../db/connect.ts'
import { transact } from '../../db/transact.ts'
import { callerOf, type Happening, record } from '../../events/record.ts'
import { type Denial, deny, isDenial } from '../../protocol/errors.ts'
import { param, paramAll } from '../../protocol/params.ts'
import { decideResources } from '../../protocol/resource.ts'
import { decideScope, formatScope, parseScope } from '../../protocol/scope.ts'
import { mayAct } from '../../protocol/subject.ts'
import { currentResources, currentScope, resourcesLeft } from '../current.ts'
import { type FamilyKey, openRefreshToken } from '../families.ts'
import type { Grant, Granted, GrantRequest } from '../grant.ts'
import { recorded } from '../refusal.ts'
import { type FamilyFacts, loadFamily, revokeFamily, type Rotation, rotateFamily, type UsedFamily } from '../store.ts'

type Asked = {
  presented: FamilyKey
  client_id: string
  now: Date
  graceSeconds: number
  scope: string | undefined
  resources: readonly string[]
}
/** What the new access token is for: the family's own, or less where the request says so. */
type Narrowed = { scope: string; resources: string[] }
type Outcome =
  | ({ outcome: 'rotate' } & Narrowed)
  | ({ outcome: 'repeat' } & Narrowed)
  | { outcome: 'keep'; denial: Denial }
  | { outcome: 'revoke'; denial: Denial }

export const refreshToken: Grant = {
  grant_type: 'refresh_token',
  redeem: async (ctx, facts) => {
    const asked = await recorded(ctx, ctx.db, facts, readAsked(ctx, facts))
    if (isDenial(asked)) return asked
    // What narrows needs the decision first, and what is to be recorded needs a transaction: both go the careful road.
    const careful = asked.scope !== undefined || asked.resources.length > 0 || ctx.config.audit_tokens === 'all'
    const rotated = careful ? undefined : await rotateFamily(ctx.db, rotationOf(ctx, facts, asked))
    if (rotated === undefined) return await carefulRoad(ctx, facts, asked)
    const resources = resourcesLeft(rotated.resource, facts.client)
    return grantedOf(facts, rotated, { gen: rotated.gen, scope: currentScope(rotated.scope, facts.client), resources })
  },
}

const readAsked = (ctx: Ctx, { request, client }: GrantRequest): Asked | Denial => {
  const token = param(request.form, 'refresh_token')
  if (token === undefined)
    return deny('invalid_request', 'The parameter refresh_token is missing.', {
      rule: 'refresh_token is REQUIRED (RFC 6749 §6)',
      expected: 'a refresh token',
      got: 'nothing',
    })
  const presented = openRefreshToken(ctx, token)
  if (presented === undefined) return invalid('a refresh token of this server', 'something else')
  return {
    presented,
    client_id: client.client_id,
    now: request.now,
    graceSeconds: client.refresh_grace_seconds ?? ctx.config.refresh_grace_seconds,
    scope: param(request.form, 'scope'),
    resources: paramAll(request.form, 'resource'),
  }
}

const rotationOf = (ctx: Ctx, { client }: GrantRequest, asked: Asked): Rotation => ({
  ...asked.presented,
  client_resources: client.resources,
  client_id: asked.client_id,
  now: asked.now,
  idle_expires_at: new Date(
    asked.now.getTime() + (client.refresh_idle_seconds ?? ctx.config.refresh_idle_seconds) * 1000,
  ),
})

const carefulRoad = async (ctx: Ctx, facts: GrantRequest, asked: Asked): Promise<Granted | Denial> => {
  const result = await transact(ctx.db, async (tx) => {
    const applied = await loadDecideApply(ctx, tx, { facts, asked })
    const effect = isDenial(applied) && applied.because.rule === reuseRule
    return await recorded(ctx, tx, { ...facts, effect }, applied)
  })
  if (isDenial(result) && result.because.rule === reuseRule) await ctx.feed.announce()
  return result
}

const loadDecideApply = async (
  ctx: Ctx,
  tx: Tx,
  { facts, asked }: { facts: GrantRequest; asked: Asked },
): Promise<Granted | Denial> => {
  const found = await loadFamily(tx, asked.presented.id, asked.now)
  const decided = decide(found, asked, facts.client)
  if (decided.outcome === 'revoke') await endFamily(ctx, tx, { facts, asked, family: found?.family })
  if ('denial' in decided) return decided.denial
  if (found?.subject === undefined) return invalid('a living account', 'none')
  const { family, subject } = found
  const { outcome, scope, resources } = decided
  if (outcome === 'repeat') {
    const { roles, permissions } = subject
    return grantedOf(facts, { ...family, roles, permissions }, { gen: family.gen, scope, resources })
  }
  const rotated = await rotateFamily(tx, rotationOf(ctx, facts, asked))
  if (rotated === undefined) return invalid('a family that can be used', 'it changed')
  if (ctx.config.audit_tokens === 'all') await record(tx, eventOf('token.refreshed', facts, family))
  return grantedOf(facts, rotated, { gen: rotated.gen, scope, resources })
}

type Owner = { user_id: string; session_id: string } | undefined
type Reused = { facts: GrantRequest; asked: Asked; family: Owner }

/** An old token was used: somebody else has one, so nothing of this family is good any more (RFC 9700 §4.14.2). */
const endFamily = async (ctx: Ctx, tx: Tx, { facts, asked, family }: Reused): Promise<void> => {
  await revokeFamily(tx, asked.presented.id, asked.now, 'refresh token reused')
  await ctx.feed.write(tx, [{ kind: 'family', key: asked.presented.id }], asked.now)
  await record(tx, eventOf('refresh_token.reused', facts, family))
}

const eventOf = (
  type: 'token.refreshed' | 'refresh_token.reused',
  { request, client }: GrantRequest,
  family: Owner,
): Happening => ({
  type,
  now: request.now,
  client_id: client.client_id,
  user_id: family?.user_id,
  session_id: family?.session_id,
  data: { grant_type: 'refresh_token' },
  ...callerOf(request),
})

/** Decides what a refresh token is worth to this request. Pure. */
export const decide = (
  found: FamilyFacts | undefined,
  asked: Asked,
  client: Pick<GrantRequest['client'], 'client_id' | 'status' | 'scope' | 'resources'>,
): Outcome => {
  if (found === undefined) return keep(invalid('a family of this server', 'an unknown family'))
  const { family, subject } = found
  const { gen, nonce } = asked.presented
  // Bound to its client (RFC 6749 §6): another client learns nothing and changes nothing.
  if (family.client_id !== asked.client_id)
    return keep(invalid('a refresh token of this client', 'one of another client'))
  if (!family.nonce.equals(nonce) || gen > family.gen)
    return keep(invalid('a generation of this family', `generation ${gen} of ${family.gen}`))
  if (family.revoked_at !== null)
    return keep(invalid('a family that is not revoked', `revoked: ${family.revoked_because ?? 'no reason'}`))
  if (gen < family.gen && !withinGrace(family, asked)) return { outcome: 'revoke', denial: reuse(gen, family.gen) }
  if (family.expires_at <= asked.now || family.idle_expires_at <= asked.now)
    return keep(
      invalid(
        'a family that has not expired',
        `expired at ${[family.expires_at, family.idle_expires_at].map((at) => at.toISOString()).toSorted()[0] ?? ''}`,
      ),
    )
  const gate = mayAct({ user: subject ?? null, client }, 'invalid_grant')
  if (gate) return keep(gate)
  if (!family.offline && !found.session_live) return keep(invalid('a session that is alive', 'it has ended'))
  const narrowed = narrow(family, asked, client)
  if (isDenial(narrowed)) return keep(narrowed)
  return { outcome: gen === family.gen ? 'rotate' : 'repeat', ...narrowed }
}

/** The token before the current one, soon after it was used: its answer was lost, or it was sent twice at once. */
const withinGrace = (family: FamilyFacts['family'], asked: Asked): boolean =>
  // Of nodes whose clocks differ by a moment one sees a use in its future: without grace that is a reuse all the same.
  asked.graceSeconds > 0 &&
  asked.presented.gen === family.gen - 1 &&
  family.prev_used_at !== null &&
  asked.now.getTime() - family.prev_used_at.getTime() < asked.graceSeconds * 1000

const keep = (denial: Denial): Outcome => ({ outcome: 'keep', denial })

const invalid = (expected: string, got: string): Denial =>
  deny('invalid_grant', 'The refresh token is not valid.', {
    rule: 'the refresh token was issued to this client and its family is alive (RFC 6749 §6, RFC 9700 §4.14)',
    expected,
    got,
    remedy: 'Send the person to sign in again.',
  })

const reuseRule = 'a refresh token is used once; reuse outside the grace revokes its family (RFC 9700 §4.14.2)'

const reuse = (gen: number, current: number): Denial =>
  deny('invalid_grant', 'The refresh token is not valid.', {
    rule: reuseRule,
    expected: `generation ${current}`,
    got: `generation ${gen}`,
    remedy: 'Keep the newest refresh token only. If the application did, somebody else has an old one.',
  })

/** RFC 6749 §6: the scope may shrink only. RFC 8707 §2.2: so may the resources. */
const narrow = (
  family: FamilyFacts['family'],
  asked: Asked,
  client: Pick<GrantRequest['client'], 'scope' | 'resources'>,
): Narrowed | Denial => {
  const allowed = parseScope(currentScope(family.scope, client))
  const scopes = decideScope(asked.scope, allowed, 'all')
  if (isDenial(scopes)) return scopes
  const resources = decideResources(asked.resources, family.resource)
  if (isDenial(resources)) return resources
  const left = currentResources(resources.length > 0 ? resources : family.resource, client)
  return isDenial(left) ? left : { scope: formatScope(scopes), resources: left }
}

const grantedOf = (
  { request, client }: GrantRequest,
  family: UsedFamily,
  { gen, scope, resources }: { gen: number; scope: string; resources: string[] },
): Granted => ({
  client,
  scope,
  resources,
  now: request.now,
  person: {
    subject: { id: family.user_id, roles: family.roles, permissions: family.permissions },
    auth_time: family.auth_time,
    acr: family.acr,
    amr: family.amr,
    session_id: family.session_id,
    bound_to_session: !family.offline,
    grant_id: family.id,
  },
  refresh: { id: family.id, gen, nonce: family.nonce },
})
