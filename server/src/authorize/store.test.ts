/** What becomes of consents when the schema learns to remember them resource by resource (migration 2). */
import { expect, it } from 'vitest'
import { freshDatabase } from '../../test/support/database.ts'
import { migrations } from '../db/migrate.ts'
import { findConsents } from './store.ts'

it('a consent without resources is carried over; one whose pairs nobody knows is asked for again', async () => {
  const { sql } = await freshDatabase('empty')
  const [first, second] = migrations()
  await sql.unsafe(first?.sql ?? '').simple()
  await sql`insert into users (id, username) values ('u1', 'one'), ('u2', 'two')`
  await sql`
    insert into clients (client_id, client_name, type, token_endpoint_auth_method, grant_types)
    values ('app_x', 'X', 'web', 'client_secret_basic', '{authorization_code}')`
  await sql`
    insert into consents (user_id, client_id, scopes, resources, granted_at, updated_at) values
      ('u1', 'app_x', '{openid,read}', '{}', now(), now()), ('u2', 'app_x', '{openid,write}', '{https://api.example/}', now(), now())`
  await sql.unsafe(second?.sql ?? '').simple()
  expect(await findConsents(sql, 'u1', 'app_x')).toEqual([{ resource: '', scopes: ['openid', 'read'] }])
  expect(await findConsents(sql, 'u2', 'app_x')).toEqual([])
  // The release before this one withdraws by deleting the row of consents.
  await sql`delete from consents where user_id = 'u1'`
  expect(await findConsents(sql, 'u1', 'app_x')).toEqual([])
})
