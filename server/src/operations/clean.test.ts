/** What cleaning removes of each table, at the bound minus and plus one second, and what it leaves (security rule G-4). */
import { beforeAll, describe, expect, it } from 'vitest'
import { type Fixtures, fixtures } from '../../test/support/fixtures.ts'
import { clean } from './clean.ts'

const now = new Date('2026-03-01T12:00:00Z')
const day = 86_400
let made: Fixtures

beforeAll(async () => {
  made = await fixtures({ clock: () => now.getTime() })
  await made.client({ client_name: 'kept' })
  await made.db`insert into users (id, username) values ('u1', 'one')`
})

/** Each table with an end, how long its rows stay after it in seconds, and a row that ended at an instant. */
const tables: [string, number, (end: Date) => Promise<unknown>][] = [
  [
    'authorization_codes',
    day,
    async (end) =>
      await made.db`
        insert into authorization_codes (code_hash, client_id, user_id, session_id, grant_id, redirect_uri, redirect_uri_sent,
          scope, auth_time, acr, amr, created_at, expires_at)
        values (sha256(gen_random_uuid()::text::bytea), 'c', 'u1', gen_random_uuid(), gen_random_uuid(), 'https://app.example/',
          true, 'openid', now(), 'aal1', '{pwd}', now(), ${end})`,
  ],
  [
    'exports',
    day,
    async (end) =>
      await made.db`
        insert into exports (id, user_id, requested_at, expires_at) values (gen_random_uuid(), 'u1', now(), ${end})`,
  ],
  [
    'interactions',
    day,
    async (end) =>
      await made.db`
        insert into interactions (id, browser_hash, client_id, request, created_at, expires_at)
        select gen_random_uuid(), '', client_id, '{}', now(), ${end} from clients where client_name = 'kept'`,
  ],
  [
    'refresh_families',
    day,
    async (end) =>
      await made.db`
        insert into refresh_families (id, client_id, user_id, session_id, offline, scope, auth_time, acr, amr, nonce, created_at,
          idle_expires_at, expires_at)
        values (gen_random_uuid(), 'c', 'u1', gen_random_uuid(), true, '', now(), 'aal1', '{pwd}', '', now(), now(), ${end})`,
  ],
  [
    'api_keys',
    90 * day,
    async (end) =>
      await made.db`
        insert into api_keys (id, owner_id, name, grant_id, created_at, updated_at, expires_at)
        values (gen_random_uuid(), 'u1', 'x', gen_random_uuid(), now(), now(), ${end})`,
  ],
  [
    'api_key_secrets',
    day,
    async (end) =>
      await made.db`
        with key as (
          insert into api_keys (id, owner_id, name, grant_id, created_at, updated_at, expires_at)
          values (gen_random_uuid(), 'u1', 'x', gen_random_uuid(), now(), now(), 'infinity') returning id)
        insert into api_key_secrets (key_hash, api_key_id, hint, created_at, expires_at)
        select sha256(gen_random_uuid()::text::bytea), id, 'x', now(), ${end} from key`,
  ],
  [
    'idempotent_calls',
    0,
    async (end) =>
      await made.db`
        insert into idempotent_calls (key_hash, request_hash, created_at, expires_at)
        values (sha256(gen_random_uuid()::text::bytea), '', now(), ${end})`,
  ],
  [
    'access_tokens',
    0,
    async (end) =>
      await made.db`
        insert into access_tokens (token_hash, jti, client_id, claims, created_at, expires_at)
        values (sha256(gen_random_uuid()::text::bytea), gen_random_uuid(), 'c', '{}', now(), ${end})`,
  ],
  [
    'sessions',
    90 * day,
    async (end) =>
      await made.db`
        insert into sessions (id, token_hash, browser_id, user_id, auth_time, amr, acr, created_at, last_seen_at, idle_expires_at, expires_at)
        values (gen_random_uuid(), sha256(gen_random_uuid()::text::bytea), gen_random_uuid(), 'u1', now(), '{pwd}', 'aal1', now(),
          now(), now(), ${end})`,
  ],
  [
    'revocations',
    0,
    async (end) =>
      await made.db`insert into revocations (kind, key, not_before, expires_at) values ('jti', 'x', now(), ${end})`,
  ],
  [
    'login_throttles',
    2 * day,
    async (end) =>
      await made.db`
        insert into login_throttles (bucket, failures, consecutive, blocked_until, updated_at)
        values (sha256(gen_random_uuid()::text::bytea), 1, 1, 'epoch', ${end})`,
  ],
  [
    'one_time_tokens',
    day,
    async (end) =>
      await made.db`
        insert into one_time_tokens (token_hash, purpose, created_at, expires_at)
        values (sha256(gen_random_uuid()::text::bytea), 'setup', now(), ${end})`,
  ],
  [
    'sign_ins',
    0,
    async (end) =>
      await made.db`
        insert into sign_ins (id, browser_hash, user_id, method, amr, credential, proved_at, created_at, expires_at)
        values (gen_random_uuid(), '', 'u1', 'password', '{pwd}', '', now(), now(), ${end})`,
  ],
  [
    'passkey_challenges',
    0,
    async (end) =>
      await made.db`
        insert into passkey_challenges (challenge_hash, purpose, browser_hash, created_at, expires_at)
        values (sha256(gen_random_uuid()::text::bytea), 'sign_in', '', now(), ${end})`,
  ],
  [
    'registrations',
    0,
    async (end) =>
      await made.db`
        insert into registrations (id, email, email_canonical, browser_hash, created_at, expires_at)
        values (gen_random_uuid(), 'a@example.com', 'a@example.com', 'x', now(), ${end})`,
  ],
  [
    'invitations',
    90 * day,
    async (end) =>
      await made.db`
        insert into invitations (id, email, email_canonical, created_at, expires_at)
        values (gen_random_uuid(), 'a@example.com', 'a@example.com', now(), ${end})`,
  ],
  [
    'ephemeral',
    0,
    async (end) =>
      await made.db`insert into ephemeral (key, count, expires_at) values (gen_random_uuid()::text, 1, ${end})`,
  ],
]

const count = async (table: string): Promise<number> => {
  const [row] = await made.db<{ rows: number }[]>`select count(*)::int as rows from ${made.db(table)}`
  return row?.rows ?? -1
}

describe('one pass', () => {
  it.each(tables)('%s: removed %d seconds after its end, and not before', async (table, keptSeconds, insert) => {
    await made.db`delete from ${made.db(table)}`
    const bound = now.getTime() - keptSeconds * 1000
    for (const seconds of [-1, 1, keptSeconds + day]) await insert(new Date(bound + seconds * 1000))
    await clean(made.ctx)
    expect(await count(table)).toBe(2)
  })

  it('leaves no table with an end out', async () => {
    const rows = await made.db<{ table_name: string }[]>`
      select table_name from information_schema.columns
      where table_schema = current_schema() and column_name = 'expires_at' order by table_name`
    const known = tables.map(([table]) => table)
    // The old secret of a client, which its owner may look at; letters, which go two days after they were
    // finished. Nothing is written to exports yet: whoever does takes it out of here.
    const kept = ['client_secrets', 'exports', 'outbox']
    expect(rows.map(({ table_name }) => table_name).filter((name) => ![...known, ...kept].includes(name))).toEqual([])
  })

  it('does nothing while another node cleans', async () => {
    const [table, , insert] = tables[0] ?? ['', 0, async () => {}]
    await made.db`delete from ${made.db(table)}`
    await insert(new Date(0))
    await made.db.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(27512)`
      await clean(made.ctx)
    })
    expect(await count(table)).toBe(1)
    await clean(made.ctx)
    expect(await count(table)).toBe(0)
  })
})
