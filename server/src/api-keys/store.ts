/** Owns the tables api_keys, api_key_secrets, api_key_roles and api_key_permissions. */
import type { Query } from '../db/connect.ts'
import type { ApiKeysRow } from '../db/tables.gen.ts'
import type { TokenHash } from '../protocol/opaque-token.ts'

/** A key as whoever shows it is judged by: what it was given, and whose it is. */
export type LiveKey = Pick<ApiKeysRow, 'id' | 'owner_id' | 'status' | 'grant_id' | 'expires_at' | 'last_used_at'> & {
  /** When the secret that was shown ends; null when it is the newest. */
  secret_expires_at: Date | null
  owner_kind: 'person' | 'service'
  roles: { name: string; permissions: string[] }[]
  permissions: string[]
}

const judged = (tx: Query) => tx`
  k.id, k.owner_id, k.status, k.grant_id, k.expires_at, k.last_used_at, u.kind as owner_kind,
  coalesce((select jsonb_agg(jsonb_build_object('name', r.name, 'permissions', array(
      select p.name from role_permissions rp join permissions p on p.id = rp.permission_id where rp.role_id = r.id)))
    from api_key_roles kr join roles r on r.id = kr.role_id where kr.api_key_id = k.id), '[]') as roles,
  array(select p.name from api_key_permissions kp join permissions p on p.id = kp.permission_id where kp.api_key_id = k.id) as permissions`

/** Finds a key by the hash of one of its secrets. */
export const findKey = async (tx: Query, key_hash: TokenHash): Promise<LiveKey | undefined> => {
  const rows = await tx<LiveKey[]>`
    select ${judged(tx)}, s.expires_at as secret_expires_at
    from api_key_secrets s join api_keys k on k.id = s.api_key_id join users u on u.id = k.owner_id
    where s.key_hash = ${key_hash}`
  return rows[0]
}

/** Finds a key by its id, whatever becomes of its secrets. */
export const findKeyById = async (tx: Query, id: string): Promise<LiveKey | undefined> => {
  const rows = await tx<LiveKey[]>`
    select ${judged(tx)}, null::timestamptz as secret_expires_at
    from api_keys k join users u on u.id = k.owner_id where k.id = ${id}`
  return rows[0]
}

/** Notes the last use of keys, each at most once a minute. */
export const touchKeys = async (tx: Query, uses: readonly { id: string; at: Date; ip: string }[]): Promise<void> => {
  if (uses.length === 0) return
  await tx`
    update api_keys k set last_used_at = u.at, last_used_ip = u.ip
    from unnest(${uses.map(({ id }) => id)}::uuid[], ${uses.map(({ at }) => at.toISOString())}::timestamptz[],
      ${uses.map(({ ip }) => ip)}::text[]) as u (id, at, ip)
    where k.id = u.id and (k.last_used_at is null or k.last_used_at < u.at - interval '59 seconds')`
}

/** A key as it is shown: what it was given by id and name, and its secrets without what makes them work. */
export type KeyRow = ApiKeysRow & {
  roles: { id: string; name: string }[]
  permissions: { id: string; name: string }[]
  secrets: { hint: string; created_at: string; expires_at: string | null }[]
}

const shown = (tx: Query) => tx`
  k.id, k.owner_id, k.name, k.description, k.status, k.grant_id, k.created_at, k.updated_at, k.expires_at, k.last_used_at, k.last_used_ip,
  coalesce((select jsonb_agg(jsonb_build_object('id', r.id, 'name', r.name) order by r.name)
    from api_key_roles kr join roles r on r.id = kr.role_id where kr.api_key_id = k.id), '[]') as roles,
  coalesce((select jsonb_agg(jsonb_build_object('id', p.id, 'name', p.name) order by p.name)
    from api_key_permissions kp join permissions p on p.id = kp.permission_id where kp.api_key_id = k.id), '[]') as permissions,
  coalesce((select jsonb_agg(jsonb_build_object('hint', s.hint, 'created_at', s.created_at, 'expires_at', s.expires_at) order by s.created_at desc)
    from api_key_secrets s where s.api_key_id = k.id), '[]') as secrets`

export const loadKey = async (tx: Query, id: string): Promise<KeyRow | undefined> => {
  const rows = await tx<KeyRow[]>`select ${shown(tx)} from api_keys k where k.id = ${id}`
  return rows[0]
}

/** Holds a key until the transaction ends. */
export const lockKey = async (tx: Query, id: string): Promise<boolean> =>
  (await tx`select 1 from api_keys where id = ${id} for update`).length === 1

/** Keys, newest first: those of one owner, or all. */
export const listKeys = async (
  tx: Query,
  {
    owner_id,
    limit,
    after,
  }: { owner_id: string | undefined; limit: number; after: { at: Date; id: string } | undefined },
): Promise<KeyRow[]> =>
  await tx<KeyRow[]>`
    select ${shown(tx)} from api_keys k
    where ${owner_id === undefined ? tx`true` : tx`k.owner_id = ${owner_id}`}
      and ${after === undefined ? tx`true` : tx`(k.created_at, k.id) < (${after.at}, ${after.id}::uuid)`}
    order by k.created_at desc, k.id desc limit ${limit}`

export const countKeys = async (tx: Query, owner_id: string): Promise<number> => {
  const [row] = await tx<{ count: number }[]>`select count(*)::int as count from api_keys where owner_id = ${owner_id}`
  return row?.count ?? 0
}

export const insertKey = async (
  tx: Query,
  key: Pick<
    ApiKeysRow,
    'id' | 'owner_id' | 'name' | 'description' | 'grant_id' | 'created_at' | 'updated_at' | 'expires_at'
  >,
): Promise<void> => {
  await tx`insert into api_keys ${tx(key)}`
}

export const insertKeySecret = async (
  tx: Query,
  secret: { key_hash: TokenHash; api_key_id: string; hint: string; created_at: Date },
): Promise<void> => {
  await tx`insert into api_key_secrets ${tx(secret)}`
}

/** Keeps the newest secret until `until` and removes all older ones: at most two live secrets during a rotation. */
export const expireKeySecrets = async (tx: Query, api_key_id: string, until: Date): Promise<void> => {
  await tx`
    delete from api_key_secrets where api_key_id = ${api_key_id} and key_hash not in (
      select key_hash from api_key_secrets where api_key_id = ${api_key_id} order by created_at desc limit 1)`
  await tx`update api_key_secrets set expires_at = least(coalesce(expires_at, ${until}), ${until}) where api_key_id = ${api_key_id}`
}

/** Gives a key exactly these roles and permissions. */
export const replaceRights = async (
  tx: Query,
  api_key_id: string,
  { role_ids, permission_ids }: { role_ids: readonly string[]; permission_ids: readonly string[] },
): Promise<void> => {
  await tx`delete from api_key_roles where api_key_id = ${api_key_id}`
  await tx`delete from api_key_permissions where api_key_id = ${api_key_id}`
  await tx`insert into api_key_roles (api_key_id, role_id) select ${api_key_id}, unnest(${[...role_ids]}::uuid[])`
  await tx`insert into api_key_permissions (api_key_id, permission_id) select ${api_key_id}, unnest(${[...permission_ids]}::uuid[])`
}

export const updateKey = async (
  tx: Query,
  id: string,
  change: Partial<Pick<ApiKeysRow, 'name' | 'description' | 'status' | 'grant_id' | 'expires_at'>>,
  now: Date,
): Promise<void> => {
  await tx`update api_keys set ${tx({ ...change, updated_at: now } as never)} where id = ${id}`
}

export const deleteKey = async (tx: Query, id: string): Promise<void> => {
  await tx`delete from api_keys where id = ${id}`
}

/** The grants of every key of an owner: what their tokens are revoked by. */
export const grantsOf = async (tx: Query, owner_id: string): Promise<string[]> => {
  const rows = await tx<{ grant_id: string }[]>`select grant_id from api_keys where owner_id = ${owner_id}`
  return rows.map(({ grant_id }) => grant_id)
}

/** Removes keys that ended before an instant. At most `limit`; returns how many. */
export const removeKeys = async (tx: Query, before: Date, limit: number): Promise<number> => {
  const { count } = await tx`
    delete from api_keys where ctid = any (array(select ctid from api_keys where expires_at < ${before} limit ${limit}))`
  return count
}

/** The same for secrets that were replaced. */
export const removeKeySecrets = async (tx: Query, before: Date, limit: number): Promise<number> => {
  const { count } = await tx`
    delete from api_key_secrets where ctid = any (array(
      select ctid from api_key_secrets where expires_at < ${before} limit ${limit}))`
  return count
}
