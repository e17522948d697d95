/** Owns the tables users and password_credentials. Roles are access/store.ts's; the subject query joins them for reading. */
import type { Query } from '../db/connect.ts'
import type { UsersRow } from '../db/tables.gen.ts'
import type { Subject } from '../protocol/claims.ts'

export type NewUser = Pick<UsersRow, 'id'> &
  Partial<Omit<UsersRow, 'id' | 'claims'>> & { claims?: Record<string, unknown> }

/** A person with what tokens may say of them, roles and permissions included. */
export const loadSubject = async (tx: Query, user_id: string): Promise<Subject | undefined> => {
  const rows = await tx<Subject[]>`select * from (${subjectOf(tx)}) as subject where id = ${user_id}`
  return rows[0]
}

/** The subject query as a fragment, for statements that need the person together with something else. */
export const subjectOf = (tx: Query) => tx`
  select u.id, u.status, u.username, u.email, u.email_verified, u.name, u.given_name, u.family_name, u.picture, u.locale, u.zoneinfo,
    u.phone_number, u.phone_number_verified, u.claims, u.updated_at,
    coalesce((select array_agg(r.name order by r.name) from user_roles ur join roles r on r.id = ur.role_id where ur.user_id = u.id), '{}') as roles,
    coalesce((select array_agg(distinct p.name) from user_roles ur join role_permissions rp on rp.role_id = ur.role_id
      join permissions p on p.id = rp.permission_id where ur.user_id = u.id), '{}') as permissions
  from users u`

export type LoginRow = { id: string; status: string; password_hash: string | null }

/** Finds who signs in with this name: an address when it holds an @, else a user name. Both are canonical already. */
export const findLogin = async (tx: Query, canonical: string): Promise<LoginRow | undefined> => {
  const column = canonical.includes('@') ? tx`u.email_canonical` : tx`u.username`
  const rows = await tx<LoginRow[]>`
    select u.id, u.status, p.password_hash from users u left join password_credentials p on p.user_id = u.id where ${column} = ${canonical}`
  return rows[0]
}

export const findUser = async (tx: Query, key: string): Promise<UsersRow | undefined> => {
  const rows = await tx<
    UsersRow[]
  >`select * from users where id = ${key} or email_canonical = lower(${key}) or username = lower(${key})`
  return rows[0]
}

export const insertUser = async (tx: Query, user: NewUser): Promise<void> => {
  await tx`insert into users ${tx(user as never)}`
}

export const updateUser = async (
  tx: Query,
  user_id: string,
  change: Partial<Omit<UsersRow, 'id'>>,
  now: Date,
): Promise<void> => {
  await tx`update users set ${tx({ ...change, updated_at: now } as never)} where id = ${user_id}`
}

export const deleteUser = async (tx: Query, user_id: string): Promise<boolean> =>
  (await tx`delete from users where id = ${user_id} returning id`).length === 1

export const listUsers = async (
  tx: Query,
  page: { limit: number; after?: { created_at: Date; id: string } },
): Promise<UsersRow[]> =>
  page.after === undefined
    ? await tx<UsersRow[]>`select * from users order by created_at, id limit ${page.limit}`
    : await tx<
        UsersRow[]
      >`select * from users where (created_at, id) > (${page.after.created_at}, ${page.after.id}) order by created_at, id limit ${page.limit}`

export const countUsers = async (tx: Query): Promise<number> => {
  const [row] = await tx<{ some: number }[]>`select count(*)::int as some from (select 1 from users limit 1) as first`
  return row?.some ?? 0
}

/** Sets a password hash, the first or a new one. */
export const upsertPassword = async (tx: Query, user_id: string, password_hash: string, now: Date): Promise<void> => {
  await tx`
    insert into password_credentials (user_id, password_hash, changed_at) values (${user_id}, ${password_hash}, ${now})
    on conflict (user_id) do update set password_hash = excluded.password_hash, changed_at = excluded.changed_at`
}

/** Replaces a hash by one with better parameters, unless the password was changed meanwhile (compare and swap). */
export const upgradePassword = async (tx: Query, user_id: string, from: string, to: string): Promise<void> => {
  await tx`update password_credentials set password_hash = ${to} where user_id = ${user_id} and password_hash = ${from}`
}
