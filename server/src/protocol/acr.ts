/**
 * Owns the levels of assurance (`acr`) and the methods (`amr`, RFC 8176) of a sign-in: what was proved, how much that is
 * worth, and what a request may ask for. Pure.
 */

/** From weak to strong: one factor · two factors · phishing-resistant (a passkey that verified its user, or one beside a password). */
export const acrLevels = ['aal1', 'aal2', 'phr'] as const
export type Acr = (typeof acrLevels)[number]

export const isAcr = (value: string): value is Acr => acrLevels.some((level) => level === value)

/** Tells whether a level satisfies a demand. An unknown level satisfies nothing but no demand. */
export const satisfies = (have: string, want: Acr | undefined): boolean =>
  want === undefined || acrLevels.findIndex((level) => level === have) >= acrLevels.indexOf(want)

/** The stronger of several demands; undefined when nobody demands anything. */
export const strongest = (demands: readonly (string | null | undefined)[]): Acr | undefined =>
  acrLevels.findLast((level) => demands.includes(level))

/**
 * What a request demands: the first value of `acr_values` that this server knows (OpenID Connect Core §3.1.2.1: in order of
 * preference), else the first of the client's `default_acr_values` (Registration §2).
 */
export const demandedAcr = (acr_values: readonly string[], defaults: readonly string[]): Acr | undefined =>
  acr_values.find(isAcr) ?? defaults.find(isAcr)

/** The level that methods amount to. `mfa` stands beside the others once two factors, or one that is two by itself, were proved. */
export const acrOf = (amr: readonly string[]): Acr => {
  if (!amr.includes('mfa')) return 'aal1'
  return amr.includes('swk') || amr.includes('hwk') ? 'phr' : 'aal2'
}

/** The methods of a sign-in with a further, different factor beside those it had. */
export const withFactor = (amr: readonly string[], factor: readonly string[]): string[] => [
  ...new Set([...amr, ...factor, 'mfa']),
]
