/**
 * Owns which claims a scope opens (OpenID Connect Core §5.1, §5.4). A claim without a value is left out.
 */

/** What tokens and UserInfo may say of a person. */
export type Subject = {
  id: string
  status: string
  username: string | null
  email: string | null
  email_verified: boolean
  name: string | null
  given_name: string | null
  family_name: string | null
  picture: string | null
  locale: string | null
  zoneinfo: string | null
  phone_number: string | null
  phone_number_verified: boolean
  claims: Record<string, unknown>
  roles: string[]
  permissions: string[]
  /** The level of assurance that the roles demand of sign-ins; never a claim. */
  role_acr: string | null
  updated_at: Date
}

/** What a token without profile claims says of a person. */
export type Holder = Pick<Subject, 'id' | 'roles' | 'permissions'>

const profileExtras = ['middle_name', 'nickname', 'profile', 'website', 'gender', 'birthdate'] as const
/** Claims that say what the server has proved or decided; a stored custom claim can never speak for them. */
export const reservedClaims: ReadonlySet<string> = new Set([
  'iss',
  'sub',
  'aud',
  'exp',
  'iat',
  'nbf',
  'jti',
  'client_id',
  'scope',
  'sid',
  'grant_id',
  'auth_time',
  'acr',
  'amr',
  'azp',
  'nonce',
  'at_hash',
  'c_hash',
  'cnf',
  'act',
  'may_act',
  'roles',
  'permissions',
  'preferred_username',
  'email',
  'email_verified',
  'phone_number',
  'phone_number_verified',
  'updated_at',
  'events',
  'token_type',
  'active',
])

/** The claims about a person for the granted scopes, without protocol claims. `updated_at` is integer seconds (§5.1). */
export const claimsFor = (subject: Subject, scopes: readonly string[]): Record<string, unknown> => {
  const claims: Record<string, unknown> = {}
  if (scopes.includes('profile')) Object.assign(claims, profileClaims(subject))
  if (scopes.includes('email') && subject.email !== null) {
    claims['email'] = subject.email
    claims['email_verified'] = subject.email_verified
  }
  if (scopes.includes('phone') && subject.phone_number !== null) {
    claims['phone_number'] = subject.phone_number
    claims['phone_number_verified'] = subject.phone_number_verified
  }
  const { address } = subject.claims
  // §5.1.1: a JSON object, which null and lists are not.
  if (scopes.includes('address') && typeof address === 'object' && address !== null && !Array.isArray(address))
    claims['address'] = address
  if (scopes.includes('roles')) Object.assign(claims, { roles: subject.roles, permissions: subject.permissions })
  return claims
}

const profileClaims = (subject: Subject): Record<string, unknown> => {
  const claims: Record<string, unknown> = { updated_at: Math.floor(subject.updated_at.getTime() / 1000) }
  const { name, given_name, family_name, picture, locale, zoneinfo } = subject
  const standard = { name, given_name, family_name, picture, locale, zoneinfo, preferred_username: subject.username }
  for (const [key, value] of Object.entries(standard)) if (value !== null) claims[key] = value
  for (const key of profileExtras) if (typeof subject.claims[key] === 'string') claims[key] = subject.claims[key]
  for (const [key, value] of Object.entries(subject.claims)) {
    if (value === null || key in claims || key === 'address' || reservedClaims.has(key)) continue
    claims[key] = value
  }
  return claims
}
