/**
 * Owns the decision whether a token or an API key is good: here, from memory, without a call for each request; what was
 * revoked is known from the feed. Start reading at `createVerifier`.
 */
import { isApiKey, isOpaqueToken, isWellFormed } from './api-key.ts'
import { type AccessTokenClaims, checkClaims, checkTime } from './claims.ts'
import { createPass, isClient } from './credentials.ts'
import { invalidToken, KeywrightError, misconfigured, unavailable } from './errors.ts'
import { type Feed, followFeed } from './feed.ts'
import { createIntrospection, type Introspect, withCopies } from './introspection.ts'
import { createEndpoints } from './issuer.ts'
import { createKeys } from './keys.ts'
import { type Auth, checkNeeds, type Needs } from './needs.ts'
import { type Settings, settingsOf, type VerifierOptions } from './options.ts'
import { createRevocations, type Revocations } from './revocations.ts'
import { type CheckSignature, createSignatures } from './signatures.ts'
import { stringsOf } from './text.ts'

export type Verifier = {
  /** Checks an access token, and what it must carry. @throws KeywrightError */
  verify: (token: string, needs?: Needs) => Promise<Auth>
  /** Checks an API key by introspection, and what it must carry. @throws KeywrightError */
  verifyApiKey: (key: string, needs?: Needs) => Promise<Auth>
  /** How the feed is: `off` without one, `lost` when it has said nothing for two seconds. */
  feed: () => { state: 'fresh' | 'lost' | 'off'; ageMs: number }
  /** Resolves when the feed is there, or after two seconds without it. */
  ready: () => Promise<void>
  /** Ends the feed. What is verified afterwards is treated as without it. */
  close: () => void
}

type State = {
  settings: Settings
  signed: CheckSignature
  revocations: Revocations
  feed: Feed | undefined
  introspect: Introspect
  introspectKey: Introspect
}

/** Makes a verifier: one for each process and API. @throws KeywrightError `invalid_configuration` */
export const createVerifier = (options: VerifierOptions): Verifier => {
  const settings = settingsOf(options)
  const state = createState(settings)
  const { feed } = state
  return {
    verify: async (token, needs = {}) => fulfilled(state, await verifyToken(state, token), needs),
    verifyApiKey: async (key, needs = {}) => fulfilled(state, await verifyKey(state, key), needs),
    ready: async () => await feed?.begun,
    close: () => feed?.close(),
    feed: () => {
      if (feed === undefined) return { state: 'off', ageMs: Number.POSITIVE_INFINITY }
      return { state: feed.isFresh() ? 'fresh' : 'lost', ageMs: feed.ageMs() }
    },
  }
}

const createState = (settings: Settings): State => {
  const { issuer, fetch, credentials, onProblem } = settings
  const endpoints = createEndpoints(issuer, fetch, settings.allowHttp)
  const keys = createKeys({ endpoints, fetch, pauseMs: settings.keysPauseSeconds * 1000 })
  const revocations = createRevocations()
  const introspect = isClient(credentials) ? createIntrospection({ endpoints, fetch, credentials }) : unable
  const feed =
    settings.revocations && credentials !== undefined
      ? followFeed({
          endpoints,
          fetch,
          onProblem,
          pass: createPass(credentials, { endpoints, fetch }),
          onRevocation: (revocation) => {
            if (revocations.add(revocation) && revocation.kind === 'kid') keys.expire()
          },
        })
      : undefined
  return {
    settings,
    revocations,
    feed,
    signed: createSignatures(keys, settings.algorithms, settings.signatureCache),
    introspect: withCopies(introspect, settings.introspectionCacheSeconds * 1000),
    introspectKey: withCopies(introspect, settings.apiKeyCacheSeconds * 1000),
  }
}

const unable: Introspect = async () =>
  await Promise.reject(misconfigured('Opaque tokens and API keys need credentials with client_id and client_secret.'))

const fulfilled = ({ settings }: State, auth: Auth, needs: Needs): Auth => {
  const refused = checkNeeds(auth, needs, settings.now())
  if (refused) throw refused
  return auth
}

const verifyToken = async (state: State, token: string): Promise<Auth> => {
  if (typeof token !== 'string' || token === '') throw invalidToken('The access token is malformed.', 'malformed')
  if (isApiKey(token)) throw invalidToken('An API key is no access token.', 'wrong_kind')
  if (isOpaqueToken(token)) return await verifyOpaque(state, token)
  const result = state.signed(token)
  const signed = result instanceof Promise ? await result : result
  if (signed instanceof KeywrightError) throw signed
  const claims = claimsOf(state, signed.payload)
  await checkAlive(state, { token, claims, kid: signed.kid })
  return authOf('token', claims)
}

const claimsOf = ({ settings }: State, payload: Record<string, unknown>): AccessTokenClaims => {
  const { issuer, audience, clockToleranceSeconds: toleranceSeconds, now } = settings
  const claims = checkClaims(payload, { issuer, audience, toleranceSeconds }, now())
  if (claims instanceof KeywrightError) throw claims
  return claims
}

type Candidate = { token: string; claims: AccessTokenClaims; kid: string }

/** What is known to be revoked is dead, however old the knowledge; what is not known to be counts while the feed is fresh. */
const checkAlive = async (state: State, candidate: Candidate): Promise<void> => {
  const { feed, revocations, settings } = state
  if (feed === undefined) return
  if (!feed.isFresh()) await feed.begun
  const hit = revocations.hits(candidate, settings.now())
  if (typeof hit === 'boolean' ? hit : await hit) throw revoked()
  if (feed.isFresh() || settings.onFeedLost === 'accept') return
  if (settings.onFeedLost === 'refuse')
    throw unavailable('Nobody can say whether the access token was revoked.', 'feed_lost')
  if ((await state.introspect(candidate.token)) === undefined) throw revoked()
}

const revoked = (): KeywrightError => invalidToken('The access token was revoked.', 'revoked')

/** An access token that is not a JWT is known to the issuer alone. */
const verifyOpaque = async (state: State, token: string): Promise<Auth> => {
  const said = isWellFormed(token) ? await state.introspect(token) : undefined
  if (said === undefined) throw invalidToken('The access token is not active.', 'inactive')
  return authOf('token', claimsOf(state, said))
}

const verifyKey = async (state: State, key: string): Promise<Auth> => {
  if (typeof key !== 'string' || !isApiKey(key)) throw invalidToken('An API key is needed.', 'wrong_kind')
  const said = isWellFormed(key) ? await state.introspectKey(key) : undefined
  const { clockToleranceSeconds, now } = state.settings
  // A copy may have outlived what it is of.
  const late = said && checkTime(said, clockToleranceSeconds, now())
  if (said === undefined || late || typeof said['sub'] !== 'string')
    throw invalidToken('The API key is not active.', 'inactive')
  // Whose client introspects for other APIs only is told what the key is worth there.
  const meant = [said['aud'] ?? state.settings.audience].flat()
  if (!state.settings.audience.some((name) => meant.includes(name)))
    throw invalidToken('The API key is not meant for this API.', 'audience')
  return authOf('api_key', said)
}

const authOf = (type: Auth['type'], claims: Record<string, unknown>): Auth => ({
  type,
  sub: String(claims['sub']),
  client_id: typeof claims['client_id'] === 'string' ? claims['client_id'] : undefined,
  scopes: typeof claims['scope'] === 'string' ? claims['scope'].split(' ').filter((name) => name !== '') : [],
  roles: stringsOf(claims['roles']),
  permissions: stringsOf(claims['permissions']),
  claims,
})
