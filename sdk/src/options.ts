/** Owns what a verifier is told, with its defaults and bounds. */
import { checkCredentials, type Credentials, isClient } from './credentials.ts'
import { type KeywrightError, misconfigured } from './errors.ts'
import type { Fetch } from './http.ts'
import { checkIssuer } from './issuer.ts'
import { type Algorithm, algorithms } from './key.ts'

export type OnFeedLost = 'introspect' | 'refuse' | 'accept'

export type VerifierOptions = {
  /** The issuer, exactly as its discovery document says. */
  issuer: string
  /** This API: what `aud` of its tokens names. One of several is enough. */
  audience: string | readonly string[]
  /** What the feed and the introspection are asked with. */
  credentials?: Credentials
  /** `false`: no feed; a revoked token works until it expires. Default: the feed is followed. */
  revocations?: boolean
  /** After two seconds without the feed: ask about each token, refuse every token, or believe them. Default `introspect`. */
  onFeedLost?: OnFeedLost
  /** Algorithms that are accepted, out of RS256, ES256, PS256, EdDSA. Default: all of them. */
  algorithms?: readonly Algorithm[]
  /** How far the clocks may be apart. Default 5, at most 60. */
  clockToleranceSeconds?: number
  /** How often the keys are read again for a key that is not there. Default 10. */
  keysPauseSeconds?: number
  /** How long a good answer of the introspection of a token is believed. Default 0, at most 10: so much longer a revoked token may work. */
  introspectionCacheSeconds?: number
  /** How long a good API key is believed. Default and bound 1: the issuer itself may take another second. */
  apiKeyCacheSeconds?: number
  /** How many tokens with a good signature are remembered. Default 1000; 0 remembers none. */
  signatureCache?: number
  /** Permits http beyond this machine. */
  allowHttp?: boolean
  /** The way out, for a proxy or a test. Default: the `fetch` of the runtime. */
  fetch?: Fetch
  /** The time in milliseconds. Default: `Date.now`. */
  now?: () => number
  /** Hears when the feed or the issuer cannot be reached. Never a token in it. */
  onProblem?: (problem: KeywrightError) => void
}

export type Settings = Required<Omit<VerifierOptions, 'credentials' | 'audience'>> & {
  audience: readonly string[]
  credentials: Credentials | undefined
}

/** Fills in and checks. Throws `invalid_configuration`: at the start, not at the first request. */
export const settingsOf = (options: VerifierOptions): Settings => {
  const settings: Settings = {
    revocations: true,
    onFeedLost: 'introspect',
    algorithms,
    clockToleranceSeconds: 5,
    keysPauseSeconds: 10,
    introspectionCacheSeconds: 0,
    apiKeyCacheSeconds: 1,
    signatureCache: 1000,
    allowHttp: false,
    fetch: async (url, init) => await fetch(url, init),
    now: Date.now,
    onProblem: () => {},
    ...given(options),
    audience: [options.audience].flat(),
    credentials: options.credentials,
  }
  check(settings)
  return settings
}

/** `{ x: undefined }` means the default, too. */
const given = (options: VerifierOptions): VerifierOptions =>
  Object.fromEntries(
    Object.entries(options).filter(([, value]: [string, unknown]) => value !== undefined),
  ) as VerifierOptions

const modes: readonly unknown[] = ['introspect', 'refuse', 'accept'] satisfies OnFeedLost[]

const check = (settings: Settings): void => {
  const { audience, credentials, revocations, onFeedLost } = settings
  checkIssuer(settings.issuer, settings.allowHttp)
  if (audience.length === 0 || audience.some((name) => typeof name !== 'string' || name === ''))
    throw misconfigured('audience names this API; without it a token for any other API would be good here.')
  if (credentials !== undefined) checkCredentials(credentials)
  if (revocations && credentials === undefined)
    throw misconfigured('credentials are needed to follow the revocation feed; `revocations: false` goes without.')
  if (revocations && onFeedLost === 'introspect' && !isClient(credentials))
    throw misconfigured("onFeedLost 'introspect' needs client_id and client_secret; an API key cannot introspect.")
  if (!modes.includes(onFeedLost)) throw misconfigured('onFeedLost is introspect, refuse or accept.')
  if (settings.algorithms.length === 0 || settings.algorithms.some((name) => !algorithms.includes(name)))
    throw misconfigured(`algorithms are some of ${algorithms.join(', ')}.`)
  const bounds = {
    clockToleranceSeconds: 60,
    keysPauseSeconds: 3600,
    introspectionCacheSeconds: 10,
    apiKeyCacheSeconds: 1,
    signatureCache: 1_000_000,
  }
  for (const [name, most] of Object.entries(bounds)) {
    const value = settings[name as keyof typeof bounds]
    if (!(value >= 0 && value <= most)) throw misconfigured(`${name} is a number from 0 to ${most}.`)
  }
}
