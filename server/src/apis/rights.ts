/**
 * Owns which roles and permissions a token names: general permissions, and those of the APIs it is for. What belongs to another
 * API stays out, so that a token shows no more of a person than its reader can use. Pure.
 */
import type { Api, Apis } from './load.ts'

export type Rights = { roles: string[]; permissions: string[] }

/** Cuts what somebody holds to an audience. Of several APIs the one that wants fewest roles decides. */
export const rightsFor = (
  held: { roles: readonly string[]; permissions: readonly string[] },
  audience: readonly string[],
  { apiOf, byIdentifier }: Apis,
): Rights => {
  const apis = audience.flatMap((identifier) => byIdentifier.get(identifier) ?? [])
  const permissions = held.permissions.filter((name) => {
    const owner = apiOf.get(name)
    return owner === undefined || audience.includes(owner)
  })
  return { roles: rolesFor(held.roles, apis), permissions }
}

const rolesFor = (held: readonly string[], apis: readonly Api[]): string[] => {
  if (apis.some((api) => api.token_roles === 'none')) return []
  if (apis.every((api) => api.token_roles === 'all')) return [...held]
  return held.filter((name) => apis.some((api) => api.roles.has(name)))
}
