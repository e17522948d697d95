/** Owns the tables groups, group_members and group_roles. */
import type { Query } from '../db/connect.ts'
import type { GroupsRow } from '../db/tables.gen.ts'
import type { Page } from './role-store.ts'

/** A group with the roles that were given to it, by name; those of the groups above it are not among them. */
export type Group = Pick<
  GroupsRow,
  'id' | 'name' | 'description' | 'parent_id' | 'ancestors' | 'created_at' | 'updated_at'
> & {
  roles: { id: string; name: string }[]
}

const whole = (tx: Query) => tx`
  g.id, g.name, g.description, g.parent_id, g.ancestors, g.created_at, g.updated_at,
  coalesce((select jsonb_agg(jsonb_build_object('id', r.id, 'name', r.name) order by r.name)
    from group_roles gr join roles r on r.id = gr.role_id where gr.group_id = g.id), '[]') as roles`

export const findGroup = async (tx: Query, id: string): Promise<Group | undefined> => {
  const rows = await tx<Group[]>`select ${whole(tx)} from groups g where g.id = ${id} and g.deleted_at is null`
  return rows[0]
}

/** Groups of a name, wherever they stand. */
export const findGroupsByName = async (tx: Query, name: string): Promise<Group[]> =>
  await tx<Group[]>`
    select ${whole(tx)} from groups g where lower(g.name) = lower(${name}) and g.deleted_at is null order by g.id limit 100`

/** Groups, oldest first; `q` stands somewhere in the name, `parent_id` is the group right above. */
export const listGroups = async (
  tx: Query,
  { limit, after, q = '', parent_id }: Page & { parent_id?: string | undefined },
): Promise<Group[]> =>
  await tx<Group[]>`
    select ${whole(tx)} from groups g where g.deleted_at is null and position(lower(${q}) in lower(g.name)) > 0
      ${parent_id === undefined ? tx`` : tx`and g.parent_id = ${parent_id}`}
      ${after === undefined ? tx`` : tx`and (g.created_at, g.id) > (${after.at}, ${after.id})`}
    order by g.created_at, g.id limit ${limit}`

type Rights = { roles: string[]; permissions: string[] }

const rightsBy = async (tx: Query, groups: ReturnType<Query>): Promise<Rights> => {
  const [row] = await tx<Rights[]>`
    with held as (select distinct gr.role_id from (${groups}) as g (id) join group_roles gr on gr.group_id = g.id)
    select array(select r.name from held join roles r on r.id = held.role_id order by r.name) as roles,
      array(select distinct p.name from held join role_permissions rp on rp.role_id = held.role_id
        join permissions p on p.id = rp.permission_id order by p.name) as permissions`
  return row ?? { roles: [], permissions: [] }
}

/** What whoever joins a group gets by it: its own roles and those of the groups above it. */
export const rightsOfGroup = async (tx: Query, id: string): Promise<Rights> =>
  await rightsBy(tx, tx`select unnest(ancestors) from groups where id = ${id}` as never)

/** The same, with what the groups below it give. */
export const rightsOfTree = async (tx: Query, id: string): Promise<Rights> =>
  await rightsBy(
    tx,
    tx`select distinct unnest(ancestors) from groups where ancestors @> array[${id}::uuid] and deleted_at is null` as never,
  )

export const insertGroup = async (
  tx: Query,
  values: Pick<GroupsRow, 'id' | 'name' | 'description' | 'parent_id' | 'ancestors'>,
  now: Date,
): Promise<void> => {
  await tx`insert into groups ${tx({ ...values, created_at: now, updated_at: now } as never)}`
}

export const updateGroup = async (
  tx: Query,
  id: string,
  values: { name?: string; description?: string | null; now: Date },
): Promise<void> => {
  const { now, ...rest } = values
  await tx`update groups set ${tx({ ...rest, updated_at: now } as never)} where id = ${id}`
}

/** How many levels a group and those below it have. */
export const heightOf = async (tx: Query, id: string): Promise<number> => {
  const [row] = await tx<{ height: number }[]>`
    select max(cardinality(ancestors) - array_position(ancestors, ${id}::uuid) + 1)::int as height
    from groups where ancestors @> array[${id}::uuid] and deleted_at is null`
  return row?.height ?? 1
}

/** Puts a group and all below it under another one, or at the top; `above` are the ancestors of its new parent. */
export const moveGroup = async (
  tx: Query,
  id: string,
  { parent_id, above, now }: { parent_id: string | null; above: readonly string[]; now: Date },
): Promise<void> => {
  await tx`
    update groups set ancestors = ${[...above]}::uuid[] || ancestors[array_position(ancestors, ${id}::uuid):],
      parent_id = case when id = ${id} then ${parent_id}::uuid else parent_id end, updated_at = ${now}
    where ancestors @> array[${id}::uuid]`
}

export const hasGroupsBelow = async (tx: Query, id: string): Promise<boolean> =>
  (await tx`select 1 from groups where parent_id = ${id} and deleted_at is null limit 1`).length === 1

/** Takes a group out of use at once: nobody has anything by it, its name is free. Its rows go later (`removeDeletedGroups`). */
export const endGroup = async (tx: Query, id: string, now: Date): Promise<void> => {
  await tx`
    update groups set name = 'deleted ' || id, parent_id = null, ancestors = array[id], deleted_at = ${now}, updated_at = ${now}
    where id = ${id}`
  await tx`delete from group_roles where group_id = ${id}`
}

/** Removes who was in a deleted group, at most `limit`; and the group itself once nobody is left. Returns how many rows went. */
export const removeDeletedGroups = async (tx: Query, limit: number): Promise<number> => {
  const { count } = await tx`
    delete from group_members where ctid = any (array(
      select gm.ctid from groups g join group_members gm on gm.group_id = g.id where g.deleted_at is not null limit ${limit}))`
  if (count > 0) return count
  await tx`delete from groups where deleted_at is not null`
  return 0
}

export const insertGroupRole = async (tx: Query, group_id: string, role_id: string, now: Date): Promise<boolean> =>
  (
    await tx`
    insert into group_roles (group_id, role_id, granted_at) values (${group_id}, ${role_id}, ${now})
    on conflict do nothing returning 1`
  ).length === 1

export const deleteGroupRole = async (tx: Query, group_id: string, role_id: string): Promise<boolean> =>
  (await tx`delete from group_roles where group_id = ${group_id} and role_id = ${role_id} returning 1`).length === 1
