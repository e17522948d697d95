/**
 * Owns what the guards of all frameworks share: finding the proof in the headers (RFC 6750 §2.1), asking the verifier, and
 * the demands. Start reading at `createGate`.
 */
import { isApiKey } from './api-key.ts'
import { invalidToken, KeywrightError } from './errors.ts'
import { type Auth, checkNeeds, type Needs } from './needs.ts'
import type { Verifier } from './verifier.ts'

export type GuardOptions = {
  /** What the challenge calls this API. */
  realm?: string
}

export type Kind = Auth['type']

/** The headers of a request; every value of a name that was sent more than once. */
export type Proofs = { authorization: readonly string[]; apiKey: readonly string[] }

/** What a guard asks for. */
export type Demand = Needs & { kinds: readonly Kind[] }

/** Lets through or throws a KeywrightError. `request` is what the framework knows a request by: one proof is checked once for it. */
export type Gate = (request: object, proofs: () => Proofs, demand: Demand) => Promise<Auth>

/** Makes the gate of one verifier. */
export const createGate = (verifier: Verifier): Gate => {
  const known = new WeakMap<object, Auth>()
  return async (request, proofs, { kinds, ...needs }) => {
    const auth = known.get(request) ?? (await authenticate(verifier, proofs()))
    known.set(request, auth)
    if (!kinds.includes(auth.type)) throw wrongKind(kinds)
    const refused = checkNeeds(auth, needs, Date.now())
    if (refused) throw refused
    return auth
  }
}

const authenticate = async (verifier: Verifier, { authorization, apiKey }: Proofs): Promise<Auth> => {
  // RFC 6750 §2: one way in each request, once.
  if (authorization.length + apiKey.length > 1)
    throw new KeywrightError('invalid_request', 'Credentials were sent in more than one way.')
  const [key] = apiKey
  if (key !== undefined) return await verifier.verifyApiKey(key.trim())
  const [header] = authorization
  // RFC 6750 §3.1: no error code for who sent nothing, or what is not of this scheme.
  if (header === undefined || !/^bearer(\s|$)/i.test(header))
    throw new KeywrightError('no_token', 'Credentials are needed.')
  // RFC 6750 §2.1: b64token.
  const token = /^bearer +([A-Za-z0-9._~+/-]+=*) *$/i.exec(header)?.[1]
  if (token === undefined) throw invalidToken('The access token is malformed.', 'malformed')
  return isApiKey(token) ? await verifier.verifyApiKey(token) : await verifier.verify(token)
}

const wrongKind = (kinds: readonly Kind[]): KeywrightError =>
  invalidToken(kinds.includes('api_key') ? 'An API key is needed.' : 'An access token is needed.', 'wrong_kind')

/** The guards, each made of what a framework does with a demand. */
export type Guards<T> = {
  /** An access token. */
  requireJwt: (needs?: Needs) => T
  /** An API key, in `X-API-Key` or as a bearer. */
  requireApiKey: (needs?: Needs) => T
  /** Either. */
  requireAuth: (needs?: Needs) => T
  /** Either, and one of these roles. */
  requireRoles: (...roles: [string, ...string[]]) => T
  /** Either, and all of these permissions. */
  requirePermissions: (...permissions: [string, ...string[]]) => T
  /** Either, and all of these scopes. */
  requireScopes: (...scopes: [string, ...string[]]) => T
}

/** Makes them. */
export const guardsOf = <T>(make: (demand: Demand) => T): Guards<T> => {
  const either: Kind[] = ['token', 'api_key']
  return {
    requireJwt: (needs = {}) => make({ ...needs, kinds: ['token'] }),
    requireApiKey: (needs = {}) => make({ ...needs, kinds: ['api_key'] }),
    requireAuth: (needs = {}) => make({ ...needs, kinds: either }),
    requireRoles: (...roles) => make({ roles: named(roles), kinds: either }),
    requirePermissions: (...permissions) => make({ permissions: named(permissions), kinds: either }),
    requireScopes: (...scopes) => make({ scopes: named(scopes), kinds: either }),
  }
}

/** A guard that was given no name, by a mistake in plain JavaScript, would let everybody through. */
const named = (names: readonly unknown[]): string[] => {
  const good = names.filter((name): name is string => typeof name === 'string' && name !== '')
  if (good.length === 0 || good.length !== names.length)
    throw new KeywrightError('invalid_configuration', 'A guard needs the names that it asks for.')
  return good
}

/** The headers of a request as Node gives them; `rawHeaders` shows what was sent twice. */
export const proofsOfNode = (request: {
  headers: Readonly<Record<string, string | string[] | undefined>>
  rawHeaders?: readonly string[]
}): Proofs => {
  const valuesOf = (name: string): string[] => {
    const raw = request.rawHeaders?.filter((_, index, all) => index % 2 === 1 && all[index - 1]?.toLowerCase() === name)
    if (raw !== undefined && raw.length > 0) return [...raw]
    return Object.hasOwn(request.headers, name) ? [request.headers[name] ?? []].flat() : []
  }
  return { authorization: valuesOf('authorization'), apiKey: valuesOf('x-api-key') }
}

/** The headers of a request as the web knows them: what was sent twice is one value with a comma, which no proof contains. */
export const proofsOfWeb = (headers: Headers): Proofs => {
  const authorization = headers.get('authorization') ?? undefined
  const isBearer = authorization !== undefined && /^bearer\s/i.test(authorization)
  return {
    authorization: isBearer ? authorization.split(',') : [authorization].filter((value) => value !== undefined),
    apiKey: headers.get('x-api-key')?.split(',') ?? [],
  }
}
