/**
 * Owns what a remembered consent covers (security rule AZ-13): scopes at resources, pair by pair. Pure.
 */

/** What a person allowed a client at one resource; '' stands for requests that name none. */
export type Consent = { resource: string; scopes: readonly string[] }

/** What a request asks for: each scope at each resource (RFC 8707 §2.2). */
export type Asked = { scopes: readonly string[]; resources: readonly string[] }

/**
 * The resources that a request means. One that names none is for whatever the client's tokens are for by default, which no
 * consent for a named resource includes.
 */
export const resourcesMeant = (resources: readonly string[]): string[] =>
  resources.length === 0 ? [''] : [...resources]

/** Tells whether everything that is asked for was allowed before. Nothing was, as long as there is no consent at all. */
export const isConsented = (consents: readonly Consent[], { scopes, resources }: Asked): boolean =>
  resourcesMeant(resources).every((resource) => {
    const known = consents.find((one) => one.resource === resource)
    return known !== undefined && scopes.every((name) => known.scopes.includes(name))
  })

/**
 * What of a request is beyond the consents, for the person to see: resources that were never allowed, and scopes that were
 * never allowed anywhere, or not at a resource of this request that is known. Nothing is new without a consent before.
 */
export const whatIsNew = (
  consents: readonly Consent[],
  { scopes, resources }: Asked,
): { newScopes: string[]; newResources: string[] } => {
  if (consents.length === 0) return { newScopes: [], newResources: [] }
  const meant = resourcesMeant(resources)
  const known = consents.filter(({ resource }) => meant.includes(resource))
  const isNew = (name: string): boolean =>
    !consents.some((one) => one.scopes.includes(name)) || known.some((one) => !one.scopes.includes(name))
  return {
    newScopes: scopes.filter(isNew),
    newResources: resources.filter((resource) => !known.some((one) => one.resource === resource)),
  }
}
