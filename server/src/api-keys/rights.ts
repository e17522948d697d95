/** Owns what an API key may do: what it was given, out of what its owner holds now (security rule AK-1). Pure. */

type Given = { roles: readonly { name: string; permissions: readonly string[] }[]; permissions: readonly string[] }
type Held = { roles: readonly string[]; permissions: readonly string[] }

/** A role counts while its owner holds it, a permission while they hold that by whatever role. */
export const rightsOf = (given: Given, owner: Held): { roles: string[]; permissions: string[] } => {
  const roles = given.roles.filter(({ name }) => owner.roles.includes(name))
  const wanted = new Set([...given.permissions, ...roles.flatMap(({ permissions }) => permissions)])
  return {
    roles: roles.map(({ name }) => name).toSorted(),
    permissions: owner.permissions.filter((name) => wanted.has(name)),
  }
}
