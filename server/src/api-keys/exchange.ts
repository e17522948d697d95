/**
 * Owns what an API key is exchanged for: a short access token (RFC 9068) for an API that verifies tokens by itself. It is worth what
 * the key is worth, cut to its audience, and ends with it (security rule AK-1).
 */
import { apiAudience } from '../access/person.ts'
import { rightsFor } from '../apis/rights.ts'
import { apisIn, decideForm } from '../apis/token-settings.ts'
import type { Ctx } from '../ctx.ts'
import { callerOf, record } from '../events/record.ts'
import type { PersonPrincipal } from '../http/principal.ts'
import type { HttpRequest } from '../http/request.ts'
import { uuidv7 } from '../io/ids.ts'
import { accessTokenClaims } from '../protocol/access-token.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { decideResources } from '../protocol/resource.ts'
import { loadSubject } from '../users/subject.ts'
import { keyClient, type LiveKey } from './live.ts'
import { findKeyById } from './store.ts'
import { noSuchKey } from './manage.ts'
import { rightsOf } from './rights.ts'

/** As the token endpoint answers (RFC 6749 §5.1). `expires_in` is in seconds. */
export type KeyToken = { access_token: string; token_type: 'Bearer'; expires_in: number; scope: string }

type Asking = { request: HttpRequest; person: PersonPrincipal; resources: readonly string[] }

/** Makes the token. `resources` are registered APIs, else this server's own; others are refused with `invalid_target`. */
export const exchangeKey = async (ctx: Ctx, { request, person, resources }: Asking): Promise<KeyToken | Denial> => {
  const known = await ctx.apis.all()
  const asked = decideResources(resources, [...known.byIdentifier.keys()])
  if (isDenial(asked)) return asked
  const audience = asked.length > 0 ? asked : [apiAudience(ctx)]
  const form = decideForm(unsaid(ctx), apisIn(known, audience), ctx.config)
  if (isDenial(form)) return form
  // Read afresh: a copy could still hold what was lost a moment ago, and the token would be stamped after the loss.
  const key = await findKeyById(ctx.db, person.api_key?.id ?? '')
  const owner = key && (await loadSubject(ctx.db, key.owner_id))
  if (key?.status !== 'active' || owner?.status !== 'active') return noSuchKey
  const scope = audience.includes(apiAudience(ctx)) ? 'admin roles' : 'roles'
  const rights = rightsFor(rightsOf(key, owner), audience, known)
  const facts = { audience, scope, ttlSeconds: form.ttlSeconds, now: request.now }
  const claims = claimsOf(ctx, key, { ...facts, subject: { id: person.subject.id, ...rights } })
  await record(ctx.db, {
    type: 'token.issued',
    now: request.now,
    user_id: person.subject.id,
    data: { grant_type: 'api_key', api_key: key.id, audience },
    ...callerOf(request),
  })
  // An API that wants opaque tokens gets this one all the same: it lives five minutes, and the key can be sent instead.
  return {
    access_token: ctx.signer.sign(form.alg, 'at+jwt', claims),
    token_type: 'Bearer',
    expires_in: form.ttlSeconds,
    scope,
  }
}

type Facts = Pick<Parameters<typeof accessTokenClaims>[0], 'audience' | 'scope' | 'ttlSeconds' | 'now' | 'subject'>

const claimsOf = (ctx: Ctx, key: LiveKey, facts: Facts) =>
  accessTokenClaims({
    ...facts,
    issuer: ctx.config.issuer,
    client_id: `${keyClient}${key.id}`,
    jti: uuidv7(facts.now),
    grant_id: key.grant_id,
  })

/** A key says nothing of how its tokens look; five minutes are enough, whatever others get. */
const unsaid = ({ config }: Ctx) => ({
  access_token_ttl_seconds: Math.min(300, config.access_token_ttl_seconds),
  access_token_format: 'jwt',
  access_token_signed_response_alg: config.signing_algs[0] ?? 'RS256',
})
