/**
 * Owns custom claims: rules that say which value becomes which claim of which token. A closed set of paths and no expressions,
 * so that a rule reads what it names and nothing else; what the server itself says is never overwritten. Pure.
 */
import { reservedClaims, type Subject } from './claims.ts'

export const targets = ['access_token', 'id_token', 'userinfo'] as const
export type Target = (typeof targets)[number]

/** Either `from`, a path, or `constant`. `flatten`: members of an object become claims of their own, a list becomes one text. */
export type MappingRule = {
  from?: string | undefined
  constant?: unknown
  to: string
  into: Target
  flatten?: boolean | undefined
}

/** What rules may read. Without a person only `client` and constants have values. */
export type MappingFacts = {
  user: Subject | undefined
  client: { client_id: string; client_name: string; type: string }
  groups: readonly string[]
}

const most = { rules: 50, members: 50, depth: 3, bytes: 4096, constant: 1024 }

const userPaths = [
  'id',
  'username',
  'email',
  'email_verified',
  'name',
  'given_name',
  'family_name',
  'picture',
  'locale',
  'zoneinfo',
  'phone_number',
  'phone_number_verified',
] as const
const clientPaths = ['client_id', 'client_name', 'type'] as const
/** What is known to be true of somebody: such a claim takes its value from where it was proved, and from nowhere else. */
const proved = new Map([
  ['email', 'user.email'],
  ['email_verified', 'user.email_verified'],
  ['phone_number', 'user.phone_number'],
  ['phone_number_verified', 'user.phone_number_verified'],
  ['preferred_username', 'user.username'],
])
const unsafeNames = new Set(['__proto__', 'prototype', 'constructor'])

/** What is wrong with a list of rules, as a sentence's end; undefined when nothing is. */
export const findMappingFault = (rules: readonly MappingRule[]): string | undefined => {
  if (rules.length > most.rules) return `at most ${most.rules} rules`
  return rules.map(findRuleFault).find((fault) => fault !== undefined)
}

const findRuleFault = ({ from, constant, to, flatten }: MappingRule): string | undefined => {
  if ((from === undefined) === (constant === undefined)) return `either from or constant for the claim ${shownName(to)}`
  if (from !== undefined && !isPath(from)) return `a path such as user.email or claims.department for ${shownName(to)}`
  if (constant !== undefined && sizeOf(constant) > most.constant) return `a constant of at most ${most.constant} bytes`
  if (!isClaimName(to)) return 'a claim name of letters, digits and _ - . : / beginning with a letter'
  if (proved.has(to) && proved.get(to) === from && !flatten) return undefined
  return isReserved(to) ? `a claim that the server does not speak for itself, not ${to}` : undefined
}

const isClaimName = (name: string): boolean => /^[A-Za-z][A-Za-z0-9_:./-]{0,199}$/.test(name) && !unsafeNames.has(name)
const isReserved = (name: string): boolean => reservedClaims.has(name) || unsafeNames.has(name)
const shownName = (name: string): string => (isClaimName(name) ? name : 'of this rule')

const isPath = (path: string): boolean => {
  const [root = '', ...names] = path.split('.')
  if (root === 'groups') return names.length === 0
  if (root === 'user') return names.length === 1 && userPaths.some((name) => name === names[0])
  if (root === 'client') return names.length === 1 && clientPaths.some((name) => name === names[0])
  return root === 'claims' && names.length >= 1 && names.length <= 5 && names.every(isMember)
}

const isMember = (name: string): boolean => /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/.test(name) && !unsafeNames.has(name)

/** Whether any rule reads a person beyond roles, and whether any reads groups: so that nothing is loaded for nothing. */
export const readsOf = (rules: readonly MappingRule[], into: Target): { user: boolean; groups: boolean } => {
  const paths = rules.flatMap((rule) => (rule.into === into && rule.from !== undefined ? [rule.from] : []))
  return {
    user: paths.some((path) => path.startsWith('user.') || path.startsWith('claims.')),
    groups: paths.includes('groups'),
  }
}

/** The claims that rules give one kind of token. Later rules win; nothing without a value appears. */
export const mapClaims = (
  rules: readonly MappingRule[],
  into: Target,
  facts: MappingFacts,
): Record<string, unknown> => {
  const claims = new Map<string, unknown>()
  for (const rule of rules) {
    if (rule.into !== into) continue
    const value = rule.from === undefined ? rule.constant : read(rule.from, facts)
    for (const [name, one] of rule.flatten ? flat(rule.to, value, 1) : [[rule.to, value] as const])
      if (one !== undefined && one !== null && sizeOf(one) <= most.bytes) claims.set(name, one)
  }
  return Object.fromEntries(claims)
}

const read = (path: string, { user, client, groups }: MappingFacts): unknown => {
  const [root = '', ...names] = path.split('.')
  if (root === 'groups') return user === undefined ? undefined : [...groups]
  if (root === 'client') return ownMember(client, names[0])
  if (root === 'user') return ownMember(user, names[0])
  return names.reduce<unknown>(ownMember, user?.claims)
}

/** Own members only: what every object inherits is no value of anybody. */
const ownMember = (holder: unknown, name: string | undefined): unknown =>
  typeof holder === 'object' && holder !== null && name !== undefined && Object.hasOwn(holder, name)
    ? (holder as Record<string, unknown>)[name]
    : undefined

/** `address` with `country` becomes `address_country`; a list becomes its values with spaces between. */
const flat = (name: string, value: unknown, depth: number): [string, unknown][] => {
  if (Array.isArray(value)) return [[name, value.filter((one) => typeof one !== 'object').join(' ')]]
  if (typeof value !== 'object' || value === null) return [[name, value]]
  if (depth > most.depth) return []
  return Object.entries(value)
    .slice(0, most.members)
    .flatMap(([member, one]) => flat(`${name}_${member}`, one, depth + 1))
    .filter(([full]) => isClaimName(full) && !isReserved(full))
}

const sizeOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))
