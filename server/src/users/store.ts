/** Owns the tables users and password_credentials. Roles are access/store.ts's; the subject query joins them for reading. */
import type { Query } from '../db/connect.ts'
import type { UsersRow } from '../db/tables.gen.ts'
import type { Subject } from '../protocol/claims.ts'
import type { TokenHash } from '../protocol/opaque-token.ts'

export type NewUser = Pick<UsersRow, 'id'> &
  Partial<Omit<UsersRow, 'id' | 'claims'>> & { claims?: Record<string, unknown> }

/** A person with what tokens may say of them, roles and permissions included. */
export const loadSubject = async (tx: Query, user_id: string): Promise<Subject | undefined> => {
  const rows = await tx<Subject[]>`
    select id, status, username, email, email_verified, name, given_name, family_name, picture, locale, zoneinfo,
      phone_number, phone_number_verified, claims, updated_at, roles_of(id) as roles, permissions_of(id) as permissions,
      acr_of_roles(id) as role_acr
    from users where id = ${user_id}`
  return rows[0]
}

/** Whether an account is a person's, or one that programs act by. */
export const loadKind = async (tx: Query, user_id: string): Promise<UsersRow['kind'] | undefined> => {
  const rows = await tx<Pick<UsersRow, 'kind'>[]>`select kind from users where id = ${user_id}`
  return rows[0]?.kind
}

/** When an account was made. */
export const loadCreatedAt = async (tx: Query, user_id: string): Promise<Date | undefined> => {
  const rows = await tx<Pick<UsersRow, 'created_at'>[]>`select created_at from users where id = ${user_id}`
  return rows[0]?.created_at
}

/** What administrators see of an account beside what tokens may say. */
export const loadDetails = async (
  tx: Query,
  user_id: string,
): Promise<
  (Pick<UsersRow, 'required_actions' | 'erase_after' | 'created_at'> & { factor_kinds: string[] }) | undefined
> => {
  const rows = await tx<
    (Pick<UsersRow, 'required_actions' | 'erase_after' | 'created_at'> & { factor_kinds: string[] })[]
  >`select required_actions, erase_after, created_at, factor_kinds_of(id) as factor_kinds from users where id = ${user_id}`
  return rows[0]
}

export type LoginRow = {
  id: string
  status: string
  password_hash: string | null
  changed_at: Date | null
  /** The device that was asked for, if it is known for this account. */
  device_id: string | null
}

/**
 * Finds who signs in with this name: an address when it holds an @, else a user name. Both are canonical already. Whether
 * the browser's device is known for that account is read along (devices/ owns it), so that a sign-in asks once.
 */
export const findLogin = async (
  tx: Query,
  canonical: string,
  device_key: TokenHash | null = null,
): Promise<LoginRow | undefined> => {
  const column = canonical.includes('@') ? tx`u.email_canonical` : tx`u.username`
  const rows = await tx<LoginRow[]>`
    select u.id, u.status, p.password_hash, p.changed_at, d.id as device_id
    from users u left join password_credentials p on p.user_id = u.id
      left join devices d on d.user_id = u.id and d.key_hash = ${device_key}
    where ${column} = ${canonical}`
  return rows[0]
}

/** An account as its mailbox knows it. */
export type MailboxRow = Pick<
  UsersRow,
  'id' | 'status' | 'email' | 'email_canonical' | 'email_verified' | 'username' | 'name' | 'locale'
> & { changed_at: Date | null }

/** Finds an account by one of its names, or its id. */
export const findMailbox = async (
  tx: Query,
  key: { id: string } | { email_canonical: string } | { username: string },
): Promise<MailboxRow | undefined> => {
  const [[column, value] = ['id', '']] = Object.entries(key)
  const rows = await tx<MailboxRow[]>`
    select u.id, u.status, u.email, u.email_canonical, u.email_verified, u.username, u.name, u.locale, p.changed_at
    from users u left join password_credentials p on p.user_id = u.id where u.${tx(column)} = ${value}`
  return rows[0]
}

export const findUser = async (tx: Query, key: string): Promise<UsersRow | undefined> => {
  const rows = await tx<
    UsersRow[]
  >`select * from users where id = ${key} or email_canonical = lower(${key}) or username = lower(${key})`
  return rows[0]
}

/** An account as far as traces of its person may lie elsewhere. */
export type Mailable = Pick<
  UsersRow,
  'id' | 'email' | 'email_canonical' | 'email_verified' | 'username' | 'phone_number' | 'locale'
>

export const findMailable = async (tx: Query, user_id: string): Promise<Mailable | undefined> => {
  const rows = await tx<Mailable[]>`
    select id, email, email_canonical, email_verified, username, phone_number, locale from users where id = ${user_id}`
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

/** People, oldest first. */
export const listUsers = async (
  tx: Query,
  page: { limit: number; after?: { created_at: Date; id: string } },
): Promise<UsersRow[]> =>
  page.after === undefined
    ? await tx<UsersRow[]>`select * from users where kind = 'person' order by created_at, id limit ${page.limit}`
    : await tx<
        UsersRow[]
      >`select * from users where kind = 'person' and (created_at, id) > (${page.after.created_at}, ${page.after.id}) order by created_at, id limit ${page.limit}`

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

/** What had to be done before the next sign-in is done. */
export const removeAction = async (tx: Query, user_id: string, action: string): Promise<void> => {
  await tx`
    update users set required_actions = array_remove(required_actions, ${action})
    where id = ${user_id} and ${action} = any (required_actions)`
}

/** When a password was set. */
export const findPasswordChange = async (tx: Query, user_id: string): Promise<Date | undefined> => {
  const rows = await tx<{ changed_at: Date }[]>`select changed_at from password_credentials where user_id = ${user_id}`
  return rows[0]?.changed_at
}

/** Takes the password of an account away. */
export const deletePassword = async (tx: Query, user_id: string): Promise<void> => {
  await tx`delete from password_credentials where user_id = ${user_id}`
}

/** Replaces a hash by one with better parameters, unless the password was changed meanwhile (compare and swap). */
export const upgradePassword = async (
  tx: Query,
  user_id: string,
  { from, to }: { from: string; to: string },
): Promise<void> => {
  await tx`update password_credentials set password_hash = ${to} where user_id = ${user_id} and password_hash = ${from}`
}

/** One stored hash of each kind, at most 16: jumps from one kind to the next in the index, however many accounts there are. */
export const loadHashSamples = async (tx: Query): Promise<string[]> => {
  const rows = await tx<{ password_hash: string }[]>`
    with recursive kinds as (
      (select hash_kind(password_hash) as kind, password_hash from password_credentials
        where hash_kind(password_hash) is not null order by hash_kind(password_hash) limit 1)
      union all
      select next.kind, next.password_hash from kinds cross join lateral (
        select hash_kind(p.password_hash) as kind, p.password_hash from password_credentials p
        where hash_kind(p.password_hash) > kinds.kind order by hash_kind(p.password_hash) limit 1) next
    )
    select password_hash from kinds limit 16`
  return rows.map(({ password_hash }) => password_hash)
}

/** What a sign-in is decided on, beside its proofs. */
export type Standing = Pick<
  UsersRow,
  'id' | 'kind' | 'status' | 'email' | 'email_canonical' | 'email_verified' | 'phone_number' | 'locale'
> & {
  name: string | null
  required_actions: string[]
  factor_kinds: string[]
  role_acr: string | null
  password_changed_at: Date | null
}

/**
 * Holds an account as it is until the transaction ends, and tells how it stands. Two statements, sent together: what the
 * account refers to is read after the wait, not as it was before.
 */
export const shareAccount = async (tx: Query, user_id: string): Promise<Standing | undefined> => {
  const [, rows] = await Promise.all([
    tx`select 1 from users where id = ${user_id} for share`,
    tx<Standing[]>`
      select u.id, u.kind, u.status, u.email, u.email_canonical, u.email_verified, u.phone_number, u.locale, u.name, u.required_actions,
        factor_kinds_of(u.id) as factor_kinds, acr_of_roles(u.id) as role_acr, p.changed_at as password_changed_at
      from users u left join password_credentials p on p.user_id = u.id where u.id = ${user_id}`,
  ])
  return rows[0]
}

/** Waits for everybody who holds the account as it is, and keeps new ones out until the transaction ends. */
export const lockAccount = async (tx: Query, user_id: string): Promise<void> => {
  await tx`select 1 from users where id = ${user_id} for update`
}

/** Marks an address as proved, if it still is the account's. */
export const verifyAddress = async (
  tx: Query,
  user_id: string,
  { email_canonical, now }: { email_canonical: string; now: Date },
): Promise<boolean> =>
  (
    await tx`
      update users set email_verified = true, updated_at = ${now}
      where id = ${user_id} and email_canonical = ${email_canonical} returning id`
  ).length === 1

/** Sets a number that was proved. */
export const setPhone = async (
  tx: Query,
  user_id: string,
  { phone_number, now }: { phone_number: string; now: Date },
): Promise<void> => {
  await tx`
    update users set phone_number = ${phone_number}, phone_number_verified = true, updated_at = ${now} where id = ${user_id}`
}

/** Takes the number of an account away, if it is one of these. */
export const dropPhone = async (
  tx: Query,
  user_id: string,
  { numbers, now }: { numbers: readonly string[]; now: Date },
): Promise<void> => {
  await tx`
    update users set phone_number = null, phone_number_verified = false, updated_at = ${now}
    where id = ${user_id} and phone_number = any (${numbers as string[]}::text[])`
}
