/** Owns who is in which group and who holds which role, one by one: the tables group_members and user_roles. */
import type { Query } from '../db/connect.ts'
import type { UsersRow } from '../db/tables.gen.ts'

/** Somebody in a group. */
export type Member = Pick<UsersRow, 'id' | 'kind' | 'status' | 'username' | 'email' | 'name'> & { added_at: Date }

/** Those in a group itself, in the order of their ids, after one of them. */
export const listMembers = async (
  tx: Query,
  group_id: string,
  { limit, after }: { limit: number; after: string | undefined },
): Promise<Member[]> =>
  await tx<Member[]>`
    select u.id, u.kind, u.status, u.username, u.email, u.name, gm.added_at
    from group_members gm join users u on u.id = gm.user_id
    where gm.group_id = ${group_id} and gm.user_id > ${after ?? ''} order by gm.user_id limit ${limit}`

export const insertMember = async (tx: Query, group_id: string, user_id: string, now: Date): Promise<boolean> =>
  (
    await tx`
    insert into group_members (group_id, user_id, added_at) values (${group_id}, ${user_id}, ${now})
    on conflict do nothing returning 1`
  ).length === 1

export const deleteMember = async (tx: Query, group_id: string, user_id: string): Promise<boolean> =>
  (await tx`delete from group_members where group_id = ${group_id} and user_id = ${user_id} returning 1`).length === 1

/** A group that somebody is in. */
export type Membership = { id: string; name: string; parent_id: string | null; added_at: Date }

/** The groups somebody is in, in the order of their ids, after one of them. */
export const listMemberships = async (
  tx: Query,
  user_id: string,
  { limit, after }: { limit: number; after: string | undefined },
): Promise<Membership[]> =>
  await tx<Membership[]>`
    select g.id, g.name, g.parent_id, gm.added_at from group_members gm join groups g on g.id = gm.group_id
    where gm.user_id = ${user_id} and g.deleted_at is null ${after === undefined ? tx`` : tx`and g.id > ${after}`}
    order by g.id limit ${limit}`

/** A role somebody holds: since when it was given to them, and by which groups they hold it. */
export type HeldRole = {
  id: string
  name: string
  description: string | null
  granted_at: Date | null
  groups: { id: string; name: string }[]
}

/** Every role somebody holds, by name; beyond a thousand the rest is left out. */
export const listHeldRoles = async (tx: Query, user_id: string): Promise<HeldRole[]> =>
  await tx<HeldRole[]>`
    select r.id, r.name, r.description,
      (select ur.granted_at from user_roles ur where ur.user_id = ${user_id} and ur.role_id = r.id) as granted_at,
      coalesce((select jsonb_agg(distinct jsonb_build_object('id', via.id, 'name', via.name))
        from group_members gm join groups g on g.id = gm.group_id join group_roles gr on gr.group_id = any (g.ancestors)
          join groups via on via.id = gr.group_id
        where gm.user_id = ${user_id} and gr.role_id = r.id and g.deleted_at is null), '[]') as groups
    from roles r where r.id in (select role_ids_of(${user_id})) and r.deleted_at is null order by lower(r.name) limit 1000`

export const insertUserRole = async (tx: Query, user_id: string, role_id: string, now: Date): Promise<boolean> =>
  (
    await tx`
    insert into user_roles (user_id, role_id, granted_at) values (${user_id}, ${role_id}, ${now})
    on conflict do nothing returning 1`
  ).length === 1

export const deleteUserRole = async (tx: Query, user_id: string, role_id: string): Promise<boolean> =>
  (await tx`delete from user_roles where user_id = ${user_id} and role_id = ${role_id} returning 1`).length === 1

/** Keeps sign-ins of an account out until the transaction ends: they see what it holds afterwards. */
export const lockHolder = async (tx: Query, user_id: string): Promise<void> => {
  await tx`select 1 from users where id = ${user_id} for update`
}
