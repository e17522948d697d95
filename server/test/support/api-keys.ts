/** Owns API keys for tests: made on the test file's database, with the permissions that are asked for. */
import { randomUUID } from 'node:crypto'
import type { Db } from '../../src/db/connect.ts'
import { secretBytes } from '../../src/io/ids.ts'
import { hashToken, mintOpaque } from '../../src/protocol/opaque-token.ts'

/** A key of a person, good for an hour. */
export const makeApiKey = async (
  db: Db,
  owner_id: string,
  permissions: string[] = [],
): Promise<{ id: string; key: string }> => {
  const id = randomUUID()
  const key = mintOpaque('ak', secretBytes())
  const now = new Date()
  const expires_at = new Date(now.getTime() + 3_600_000)
  await db`insert into api_keys ${db({ id, owner_id, name: 'a key', grant_id: randomUUID(), created_at: now, updated_at: now, expires_at })}`
  await db`insert into api_key_secrets ${db({ key_hash: hashToken(key), api_key_id: id, hint: key.slice(-4), created_at: now })}`
  await db`insert into api_key_permissions (api_key_id, permission_id)
    select ${id}, id from permissions where name = any(${permissions})`
  return { id, key }
}
