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

/** Finds a key by the hash of one of its secrets. */
export const findKey = async (tx: Query, key_hash: TokenHash): Promise<LiveKey | undefined> => {
  const rows = await tx<LiveKey[]>`
    select k.id, k.owner_id, k.status, k.grant_id, k.expires_at, k.last_used_at, s.expires_at as secret_expires_at, u.kind as owner_kind,
      coalesce((select jsonb_agg(jsonb_build_object('name', r.name, 'permissions', array(
          select p.name from role_permissions rp join permissions p on p.id = rp.permission_id where rp.role_id = r.id)))
        from api_key_roles kr join roles r on r.id = kr.role_id where kr.api_key_id = k.id), '[]') as roles,
      array(select p.name from api_key_permissions kp join permissions p on p.id = kp.permission_id where kp.api_key_id = k.id) as permissions
    from api_key_secrets s join api_keys k on k.id = s.api_key_id join users u on u.id = k.owner_id
    where s.key_hash = ${key_hash}`
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
