/**
 * Owns what may stand in a profile: the claims of OpenID Connect Core §5.1 that a person says of themselves. Pure. Start
 * reading at `checkProfile`.
 */

/** Claims with one value. What was proved, or decided by others, is not among them: it has its own way to be changed. */
export const textClaims = [
  'name',
  'given_name',
  'family_name',
  'middle_name',
  'nickname',
  'profile',
  'picture',
  'website',
  'gender',
  'birthdate',
  'zoneinfo',
  'locale',
] as const
export type TextClaim = (typeof textClaims)[number]

/** OpenID Connect Core §5.1.1. */
export const addressParts = ['street_address', 'locality', 'region', 'postal_code', 'country'] as const
export type Address = Partial<Record<(typeof addressParts)[number], string>>

/** A whole profile, or the part of one that changes. Null stands for nothing. */
export type Profile = Record<TextClaim, string | null> & { address: Address | null }

/** What is wrong with a value. */
export type ProfileProblem = 'characters' | 'too_long' | 'web_address' | 'https_address' | 'date' | 'zone' | 'language'

export type ProfileFacts = { languages: readonly string[]; today: Date }

type Check = (value: string, facts: ProfileFacts) => ProfileProblem | undefined

/** The same profile in the form in which it is kept, or what is wrong with which member. */
export const checkProfile = (
  change: Partial<Profile>,
  facts: ProfileFacts,
): { values: Partial<Profile> } | { problems: Partial<Record<keyof Profile, ProfileProblem>> } => {
  const values: Partial<Profile> = {}
  const problems: Partial<Record<keyof Profile, ProfileProblem>> = {}
  for (const claim of textClaims) {
    if (change[claim] === undefined) continue
    const value = tidy(change[claim] ?? '')
    values[claim] = value === '' ? null : value
    const problem = value === '' ? undefined : checks[claim](value, facts)
    if (problem) problems[claim] = problem
  }
  if (change.address !== undefined) {
    values.address = tidyAddress(change.address)
    const problem = checkAddress(values.address)
    if (problem) problems.address = problem
  }
  return Object.keys(problems).length > 0 ? { problems } : { values }
}

const tidy = (value: string): string => value.normalize('NFC').trim()

/** Invisible signs that turn the text around them, or end its line, stand in no name. Joiners do (Persian, emoji). */
const strange = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff]/u

const words =
  (longest: number): Check =>
  (value) => {
    if (strange.test(value)) return 'characters'
    return Array.from(value).length > longest ? 'too_long' : undefined
  }

/** As security rule RG-2: a stored address becomes a link or a picture in somebody's browser. */
const webAddress =
  (schemes: readonly string[], problem: ProfileProblem): Check =>
  (value) => {
    if (value.length > 1000) return 'too_long'
    if (/[\s\p{C}]/u.test(value) || !/^https?:\/\/[^/\\]/i.test(value) || !URL.canParse(value)) return problem
    const { protocol, username, password, hash } = new URL(value)
    return schemes.includes(protocol) && username === '' && password === '' && hash === '' ? undefined : problem
  }

/** OpenID Connect Core §5.1: YYYY-MM-DD, YYYY alone, or 0000-MM-DD where the year is nobody's business. */
const birthdate: Check = (value, { today }) => {
  const [, year, month, day] = /^(\d{4})(?:-(\d\d)-(\d\d))?$/.exec(value) ?? []
  if (year === undefined || (year === '0000' && month === undefined)) return 'date'
  // Year 0000 may be any, so that 29 February is a day too.
  const date = new Date(`${year === '0000' ? '2000' : year}-${month ?? '01'}-${day ?? '01'}T00:00:00Z`)
  if (Number.isNaN(date.getTime()) || (day !== undefined && date.getUTCDate() !== Number(day))) return 'date'
  if (year === '0000') return undefined
  return Number(year) >= 1850 && date <= today ? undefined : 'date'
}

/** Names of the IANA list, older ones too; no offsets. */
const zoneinfo: Check = (value) => {
  if (!/^[A-Za-z][A-Za-z0-9_+/-]{0,60}$/.test(value)) return 'zone'
  try {
    return new Intl.DateTimeFormat('en', { timeZone: value }).format(0) === '' ? 'zone' : undefined
  } catch {
    return 'zone'
  }
}

/** One of our languages, with a region or without. */
const locale: Check = (value, { languages }) => {
  const [language = ''] = value.split('-')
  const isTag = /^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$/.test(value)
  return isTag && languages.includes(language) ? undefined : 'language'
}

const checks: Record<TextClaim, Check> = {
  name: words(100),
  given_name: words(100),
  family_name: words(100),
  middle_name: words(100),
  nickname: words(100),
  profile: webAddress(['https:', 'http:'], 'web_address'),
  picture: webAddress(['https:'], 'https_address'),
  website: webAddress(['https:', 'http:'], 'web_address'),
  gender: words(40),
  birthdate,
  zoneinfo,
  locale,
}

/** Empty parts are none, and an address without parts is none. Lines of a street end with one line feed. */
const tidyAddress = (address: Address | null): Address | null => {
  const parts = addressParts.flatMap((part): [string, string][] => {
    const value = tidy(address?.[part] ?? '').replaceAll(/\r\n?/g, '\n')
    return value === '' ? [] : [[part, value]]
  })
  return parts.length === 0 ? null : Object.fromEntries(parts)
}

const checkAddress = (address: Address | null): ProfileProblem | undefined => {
  for (const [part, value] of Object.entries(address ?? {})) {
    const lines = part === 'street_address' ? value.split('\n') : [value]
    if (lines.some((line) => strange.test(line))) return 'characters'
    if (Array.from(value).length > 200 || lines.length > 5) return 'too_long'
  }
  return undefined
}
