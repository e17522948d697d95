/**
 * Owns what somebody holds, out of plain facts: roles given directly and those of groups, each with the groups above it. The
 * database answers the same by roles_of and permissions_of; tests hold the two equal. Pure.
 */

/** Who is given what. A role that is given and a group that is joined exist in `roles` and `groups`. */
export type Model = {
  /** Permissions of each role. */
  roles: ReadonlyMap<string, readonly string[]>
  groups: ReadonlyMap<string, { parent: string | undefined; roles: readonly string[] }>
  holders: ReadonlyMap<string, { roles: readonly string[]; groups: readonly string[] }>
}

export type Effective = { roles: string[]; permissions: string[] }

/** Roles and permissions of a holder, each once and in order. Nobody known holds nothing. */
export const effective = (model: Model, holder: string): Effective => {
  const { roles = [], groups = [] } = model.holders.get(holder) ?? {}
  return inOrder(model, [...roles, ...groups.flatMap((group) => rolesOfGroup(model, group))])
}

/** What whoever joins a group gets by it. */
export const effectiveOfGroup = (model: Model, group: string): Effective => inOrder(model, rolesOfGroup(model, group))

const rolesOfGroup = (model: Model, group: string): readonly string[] =>
  lineage(model, group).flatMap((one) => model.groups.get(one)?.roles ?? [])

/** A group and every one above it. */
export const lineage = ({ groups }: Pick<Model, 'groups'>, group: string): string[] => {
  const parent = groups.get(group)?.parent
  return parent === undefined ? [group] : [group, ...lineage({ groups }, parent)]
}

const inOrder = (model: Model, roles: readonly string[]): Effective => {
  const held = [...new Set(roles)].toSorted()
  const permissions = [...new Set(held.flatMap((role) => model.roles.get(role) ?? []))].toSorted()
  return { roles: held, permissions }
}
