/**
 * Owns what is revoked, as the feed has told it, and the decision whether that hits a token. The same rules as the
 * server's: a session, grant, token or key is dead for ever; a person, client or role kills what was issued until then.
 */
import type { AccessTokenClaims } from './claims.ts'
import { nodeCrypto } from './node-crypto.ts'
import { sha256 } from './text.ts'

const kinds = ['session', 'user', 'client', 'role', 'family', 'jti', 'kid'] as const
export type RevocationKind = (typeof kinds)[number]
export type Revocation = { kind: RevocationKind; key: string; notBefore: number; expires: number }

type Entry = Pick<Revocation, 'notBefore' | 'expires'>
export type Revocations = {
  /** Tells whether that is news. */
  add: (revocation: Revocation) => boolean
  /** `now` in milliseconds. */
  hits: (token: { claims: AccessTokenClaims; kid: string }, now: number) => boolean | Promise<boolean>
  size: () => number
}

/** Reads a message of the feed; undefined for a kind that this release does not know. */
export const revocationOf = (data: Record<string, unknown>): Revocation | undefined => {
  const kind = kinds.find((name) => name === data['kind'])
  const { key } = data
  const [notBefore, expires] = [Date.parse(String(data['not_before'])), Date.parse(String(data['expires_at']))]
  if (kind === undefined || typeof key !== 'string' || Number.isNaN(notBefore) || Number.isNaN(expires))
    return undefined
  return { kind, key, notBefore, expires }
}

/** Makes an empty set. */
export const createRevocations = (): Revocations => {
  const view = new Map<RevocationKind, Map<string, Entry>>(kinds.map((kind) => [kind, new Map()]))
  const nameOf = createNames()
  return {
    add: (revocation) => add(view, revocation),
    size: () => [...view.values()].reduce((sum, keys) => sum + keys.size, 0),
    hits: (token, now) => {
      // Nobody's tokens were revoked: there is no name to look for.
      if (view.get('user')?.size === 0) return hits(view, { ...token, user: undefined }, now)
      const user = nameOf(token.claims.sub)
      return typeof user === 'string'
        ? hits(view, { ...token, user }, now)
        : user.then((name) => hits(view, { ...token, user: name }, now))
    },
  }
}

type View = Map<RevocationKind, Map<string, Entry>>

const add = (view: View, { kind, key, notBefore, expires }: Revocation): boolean => {
  const keys = view.get(kind) ?? new Map<string, Entry>()
  const known = keys.get(key)
  keys.set(key, {
    notBefore: Math.max(notBefore, known?.notBefore ?? 0),
    expires: Math.max(expires, known?.expires ?? 0),
  })
  if (keys.size % 1000 === 0) for (const [name, entry] of keys) if (entry.expires < Date.now()) keys.delete(name)
  return known === undefined || known.notBefore < notBefore
}

type Facts = { claims: AccessTokenClaims; kid: string; user: string | undefined }

const hits = (view: View, { claims, kid, user }: Facts, now: number): boolean => {
  const find = (kind: RevocationKind, key: string | undefined): Entry | undefined => {
    const entry = key === undefined ? undefined : view.get(kind)?.get(key)
    return entry !== undefined && entry.expires > now ? entry : undefined
  }
  if (find('jti', claims.jti) ?? find('session', claims.sid) ?? find('family', claims.grant_id) ?? find('kid', kid))
    return true
  const issued = issuedAtMs(claims.jti) ?? claims.iat * 1000
  const isOver = (kind: RevocationKind, key: string | undefined): boolean =>
    issued <= (find(kind, key)?.notBefore ?? Number.NEGATIVE_INFINITY)
  return (
    isOver('user', user) ||
    isOver('client', claims.client_id) ||
    (view.get('role')?.size !== 0 && namesOf(claims).some((name) => isOver('role', name)))
  )
}

/** What the feed may say of roles: their names, and those of permissions, which a token may carry without the role. */
const namesOf = ({ roles = [], permissions = [] }: AccessTokenClaims): string[] => [
  ...roles,
  ...permissions.map((name) => `permission ${name}`),
]

/** The instant of issue in milliseconds, from the UUIDv7 (RFC 9562 §5.7) of `jti`; undefined for a foreign form. */
const issuedAtMs = (jti: string): number | undefined =>
  /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/.test(jti)
    ? Number.parseInt(jti.slice(0, 8) + jti.slice(9, 13), 16)
    : undefined

/** People are named by the hash of their `sub`. Computed at once where the runtime can. */
const createNames = (): ((sub: string) => string | Promise<string>) => {
  const crypto = nodeCrypto()
  return (sub) => (crypto ? crypto.createHash('sha256').update(sub).digest('base64url') : sha256(sub))
}
