/**
 * Owns scope strings (RFC 6749 §3.3) and what the standard scopes mean (OpenID Connect Core §5.4, §11).
 * One function decides for every grant whether a scope may be had.
 */
import { type Denial, deny, shown } from './errors.ts'

/** The scopes every deployment knows, in the order in which people are shown them. */
export const standardScopes = ['openid', 'profile', 'email', 'phone', 'address', 'roles', 'offline_access'] as const

/** Splits a scope string. Order is kept, doubles are dropped. */
export const parseScope = (scope: string): string[] => [...new Set(scope.split(' ').filter((name) => name !== ''))]

/** Joins scopes to the string form of the wire. */
export const formatScope = (scopes: readonly string[]): string => scopes.join(' ')

/** RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E ). */
export const isScopeToken = (name: string): boolean => /^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/.test(name)

/**
 * Decides which scopes are granted: what was asked must lie within what is allowed, or all of it is refused with
 * `invalid_scope` (RFC 6749 §5.2). Nothing asked means everything allowed when `whenAbsent` is 'all', else nothing.
 */
export const decideScope = (
  asked: string | undefined,
  allowed: readonly string[],
  whenAbsent: 'all' | 'none',
): string[] | Denial => {
  if (asked === undefined) return whenAbsent === 'all' ? [...allowed] : []
  const names = parseScope(asked)
  const outside = names.find((name) => !isScopeToken(name) || !allowed.includes(name))
  if (outside === undefined) return names
  return deny('invalid_scope', 'The requested scope is not allowed.', {
    rule: 'scope lies within what may be asked for (RFC 6749 §3.3)',
    expected: `any of: ${formatScope(allowed) || 'none'}`,
    got: shown(outside),
    remedy: 'Ask for less, or add the scope to the client.',
  })
}
