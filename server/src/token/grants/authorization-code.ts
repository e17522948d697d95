/**
 * Owns the redemption of authorization codes (RFC 6749 §4.1.3). Fast road: one statement that carries every guard.
 * When it finds nothing, the careful road locks the code, lets `decide` say why, and commits what follows from that.
 */
import { burnCode, type CodeFacts, type RedeemedCode, consumeCode, loadCode } from '../../authorize/codes.ts'
import type { Ctx } from '../../ctx.ts'
import type { Query, Tx } from '../../db/connect.ts'
import { transact } from '../../db/transact.ts'
import { callerOf, type Happening, record } from '../../events/record.ts'
import { type Denial, deny, isDenial, shown } from '../../protocol/errors.ts'
import { param, paramAll } from '../../protocol/params.ts'
import { hashToken, parseOpaque, type TokenHash } from '../../protocol/opaque-token.ts'
import { challengeOf, verifierMatches } from '../../protocol/pkce.ts'
import { decideResources } from '../../protocol/resource.ts'
import { mayAct } from '../../protocol/subject.ts'
import { currentResources, currentScope, resourcesLeft } from '../current.ts'
import { newNonce } from '../families.ts'
import type { Grant, Granted, GrantRequest } from '../grant.ts'
import { recorded } from '../refusal.ts'
import { revokeFamily } from '../store.ts'

/** What the request says, once and for both roads. */
type Asked = {
  code_hash: TokenHash
  redirect_uri: string | undefined
  code_verifier: string | undefined
  client_id: string
  resources: readonly string[]
  now: Date
}
type Outcome =
  | { outcome: 'grant'; resources: string[] }
  | { outcome: 'keep'; denial: Denial }
  | { outcome: 'burn'; denial: Denial }
  | { outcome: 'revoke'; denial: Denial; grant_id: string }

export const authorizationCode: Grant = {
  grant_type: 'authorization_code',
  redeem: async (ctx, facts) => {
    const asked = await recorded(ctx, ctx.db, facts, readAsked(facts))
    if (isDenial(asked)) return asked
    const both = { asked, family: familyOf(ctx, facts) }
    const redeemed = (await fastRoad(ctx, facts, both)) ?? (await carefulRoad(ctx, facts, both))
    return isDenial(redeemed) ? redeemed : grantedOf(facts, redeemed, both.family)
  },
}

const readAsked = ({ request, client }: GrantRequest): Asked | Denial => {
  const code = param(request.form, 'code')
  if (code === undefined)
    return deny('invalid_request', 'The parameter code is missing.', {
      rule: 'code is REQUIRED (RFC 6749 §4.1.3)',
      expected: 'a code',
      got: 'nothing',
    })
  if (parseOpaque('ac', code) === undefined) return invalid('a code of this server', 'something else')
  return {
    code_hash: hashToken(code),
    redirect_uri: param(request.form, 'redirect_uri'),
    code_verifier: param(request.form, 'code_verifier'),
    client_id: client.client_id,
    resources: paramAll(request.form, 'resource'),
    now: request.now,
  }
}

type Both = { asked: Asked; family: Fresh }
type Refused = Exclude<Outcome, { outcome: 'grant' }>
/** A code that was taken, and the resources that its tokens are for. */
type Redeemed = { code: RedeemedCode; resources: string[] }
type Fresh = { nonce: Buffer; idle_expires_at: Date; expires_at: Date } | undefined

/** The family that begins with this code, for a client that may refresh. */
const familyOf = (ctx: Ctx, { request, client }: GrantRequest): Fresh => {
  if (!client.grant_types.includes('refresh_token')) return undefined
  const after = (seconds: number): Date => new Date(request.now.getTime() + seconds * 1000)
  return {
    nonce: newNonce(),
    idle_expires_at: after(client.refresh_idle_seconds ?? ctx.config.refresh_idle_seconds),
    expires_at: after(client.refresh_ttl_seconds ?? ctx.config.refresh_absolute_seconds),
  }
}

/** A request that cannot narrow what was granted goes the fast road; the rest needs the decision first. */
const fastRoad = async (ctx: Ctx, facts: GrantRequest, both: Both): Promise<Redeemed | undefined> => {
  if (both.asked.resources.length > 0) return undefined
  const code = await consume(ctx.db, facts, both)
  return code && { code, resources: resourcesLeft(code.resource, facts.client) }
}

/** The one statement that takes a code, on both roads. */
const consume = async (tx: Query, facts: GrantRequest, { asked, family }: Both): Promise<RedeemedCode | undefined> => {
  const code_challenge = asked.code_verifier === undefined ? null : challengeOf(asked.code_verifier)
  if (code_challenge === undefined) return undefined
  return await consumeCode(tx, {
    code_hash: asked.code_hash,
    client_id: asked.client_id,
    client_resources: facts.client.resources,
    redirect_uri: asked.redirect_uri ?? null,
    code_challenge,
    now: asked.now,
    family,
    event: eventOf(facts),
  })
}

const eventOf = ({ request, client }: GrantRequest): Happening => ({
  type: 'token.issued',
  now: request.now,
  client_id: client.client_id,
  data: { grant_type: 'authorization_code' },
  ...callerOf(request),
})

const carefulRoad = async (ctx: Ctx, facts: GrantRequest, both: Both): Promise<Redeemed | Denial> => {
  const result = await transact(ctx.db, async (tx) => {
    const { effect, result: applied } = await loadDecideApply(ctx, tx, { facts, both })
    return await recorded(ctx, tx, { ...facts, effect }, applied)
  })
  if (isDenial(result) && result.because.rule === replayed) await ctx.feed.announce()
  return result
}

const loadDecideApply = async (
  ctx: Ctx,
  tx: Tx,
  { facts, both }: { facts: GrantRequest; both: Both },
): Promise<{ effect: boolean; result: Redeemed | Denial }> => {
  const { asked } = both
  const found = await loadCode(tx, asked.code_hash, asked.now)
  const decided = decide(found, asked, facts.client)
  if (decided.outcome !== 'grant') {
    await applyRefusal(ctx, tx, { facts, asked, decided })
    return { effect: decided.outcome !== 'keep', result: decided.denial }
  }
  const code = await consume(tx, facts, both)
  const changed = invalid('a code that can be used', 'it changed')
  return { effect: false, result: code === undefined ? changed : { code, resources: decided.resources } }
}

const replayed = 'a code is used once; a second use revokes what the first one gave (RFC 6749 §4.1.2)'

/**
 * Decides what a code is worth to this request. Pure. A wrong client leaves it intact for its owner (TK-2); the right
 * client with a wrong verifier or redirect URI burns it; a fully valid second use revokes the grant (TK-1).
 */
export const decide = (
  found: CodeFacts | undefined,
  asked: Asked,
  client: { client_id: string; status: string; resources: readonly string[] },
): Outcome => {
  if (found === undefined) return { outcome: 'keep', denial: invalid('a code of this server', 'an unknown code') }
  const { code, subject } = found
  if (code.client_id !== asked.client_id)
    return { outcome: 'keep', denial: invalid('a code of this client', 'a code of another client') }
  const mismatch = checkBindings(code, asked)
  if (code.used_at !== null) {
    // Whoever holds the code alone must not be able to sign the person out: only a fully valid second use revokes.
    if (mismatch) return { outcome: 'keep', denial: mismatch }
    return {
      outcome: 'revoke',
      grant_id: code.grant_id,
      denial: deny('invalid_grant', 'The code is not valid.', {
        rule: replayed,
        expected: 'a code that was not used',
        got: `used at ${code.used_at.toISOString()}`,
        remedy: 'Use each code once. If the application did, somebody else has seen the code.',
      }),
    }
  }
  if (mismatch) return { outcome: 'burn', denial: mismatch }
  if (code.expires_at <= asked.now)
    return { outcome: 'keep', denial: invalid(`use before ${code.expires_at.toISOString()}`, asked.now.toISOString()) }
  const gate = mayAct({ user: subject ?? null, client }, 'invalid_grant')
  if (gate) return { outcome: 'keep', denial: gate }
  if (!found.session_live) return { outcome: 'keep', denial: invalid('a session that is alive', 'it has ended') }
  const resources = narrow(code.resource, asked, client)
  return isDenial(resources) ? { outcome: 'keep', denial: resources } : { outcome: 'grant', resources }
}

/** RFC 8707 §2.2: resources may shrink only, and never beyond what the client may have now. */
const narrow = (granted: string[], asked: Asked, client: { resources: readonly string[] }): string[] | Denial => {
  const narrowed = decideResources(asked.resources, granted)
  if (isDenial(narrowed)) return narrowed
  return currentResources(narrowed.length > 0 ? narrowed : granted, client)
}

const checkBindings = (code: CodeFacts['code'], asked: Asked): Denial | undefined => {
  // RFC 6749 §4.1.3: identical, and required when the authorization request had one.
  const sameTarget =
    asked.redirect_uri === undefined ? !code.redirect_uri_sent : asked.redirect_uri === code.redirect_uri
  if (!sameTarget) return invalid(`redirect_uri ${code.redirect_uri}`, shown(asked.redirect_uri))
  // RFC 7636 §4.6
  return verifierMatches(asked.code_verifier, code.code_challenge)
    ? undefined
    : invalid(
        'the code_verifier of the challenge',
        asked.code_verifier === undefined ? 'no code_verifier' : 'another code_verifier',
      )
}

const invalid = (expected: string, got: string): Denial =>
  deny('invalid_grant', 'The code is not valid.', {
    rule: 'the code was issued to this client, for this redirect_uri and verifier, and is fresh (RFC 6749 §4.1.3, RFC 7636 §4.6)',
    expected,
    got,
    remedy: 'Send the code at once, with the redirect_uri and the code_verifier of its request.',
  })

/** Commits what follows from a refusal: a burnt code, or a grant that is revoked whole. */
const applyRefusal = async (
  ctx: Ctx,
  tx: Tx,
  { facts, asked, decided }: { facts: GrantRequest; asked: Asked; decided: Refused },
): Promise<void> => {
  if (decided.outcome === 'burn') await burnCode(tx, asked.code_hash, asked.now)
  if (decided.outcome !== 'revoke') return
  await revokeFamily(tx, decided.grant_id, asked.now, 'code replayed')
  await ctx.feed.write(tx, [{ kind: 'family', key: decided.grant_id }], asked.now)
  await record(tx, { type: 'code.replayed', now: asked.now, client_id: asked.client_id, ...callerOf(facts.request) })
}

const grantedOf = ({ request, client }: GrantRequest, { code, resources }: Redeemed, fresh: Fresh): Granted => {
  // Who acts as somebody else gets no refresh token: it would outlive the hour.
  const family = code.actor_id === null ? fresh : undefined
  return {
    client,
    scope: currentScope(code.scope, client),
    resources,
    now: request.now,
    person: {
      subject: { id: code.user_id, roles: code.roles, permissions: code.permissions },
      auth_time: code.auth_time,
      acr: code.acr,
      amr: code.amr,
      session_id: code.session_id,
      bound_to_session: family === undefined || !code.scope.split(' ').includes('offline_access'),
      grant_id: code.grant_id,
      nonce: code.nonce ?? undefined,
      actor_id: code.actor_id ?? undefined,
    },
    ...(family && { refresh: { id: code.grant_id, gen: 1, nonce: family.nonce } }),
  }
}
