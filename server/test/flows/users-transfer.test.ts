/** People come from other systems and go to others: product rows 14 and 30, "move-in day"; security design 3.6; rules AD-2, AD-3, GD-1. */
import { hash as bcrypt } from '@node-rs/bcrypt'
import { Secret, TOTP } from 'otpauth'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Caller, callerOf } from '../support/api.ts'
import { temporaryFolder } from '../support/child.ts'
import { freshDatabase } from '../support/database.ts'
import { expectPage, type House, openHouse, type Person, signIn, signInOn } from '../support/flow.ts'
import { cli } from '../support/server.ts'

let house: House
let caller: Caller

beforeAll(async () => {
  house = await openHouse()
  caller = await callerOf(house, await house.person({ roles: ['admin'] }))
})

type Report = { created: number; skipped: number; failed: number; problems: { line: number; code: string }[] }

const send = async (text: string, query = '', type = 'application/x-ndjson', by = caller) => {
  const session = await by.client.get('/api/v1/auth/session')
  const { csrf_token } = session.json<{ csrf_token: string }>()
  const headers = { 'content-type': type, origin: house.server.issuer, 'x-csrf-token': csrf_token }
  return await by.client.request(`/api/v1/users/import${query}`, { method: 'POST', headers, body: text })
}
const lines = (...records: object[]): string => records.map((one) => JSON.stringify(one)).join('\n')

describe('import over the API', () => {
  it('keeps the id, the password and the authenticator: nobody notices the move', async () => {
    const secret = new Secret({ size: 20 })
    const record = {
      id: 'old|4711',
      email: 'Moved.In@old.example',
      email_verified: true,
      name: 'Moved In',
      roles: ['user'],
      claims: { department: 'sales' },
      password_hash: await bcrypt('the old password of years', { cost: 6 }),
      totp_secret: secret.base32,
      created_at: '2019-05-06T07:08:09Z',
    }
    expect((await send(lines(record))).json<Report>()).toMatchObject({ created: 1, failed: 0 })
    const client = house.server.client()
    const person = { email: 'moved.in@old.example', password: 'the old password of years', name: 'Moved In' } as Person
    const second = await signInOn(client, await client.get('/login'), person)
    expectPage(second, 200, 'Confirm that it is you')
    expectPage(await client.walk(client.submit(second, { code: new TOTP({ secret }).generate() })), 200, /account/i)
    const found = (await caller.call('GET', 'users/old%7C4711')).json<{ user: object }>()
    expect(found.user).toMatchObject({ id: 'old|4711', roles: ['user'], created_at: '2019-05-06T07:08:09.000Z' })
    // Security design 3.6: upgraded at the first sign-in.
    const [row] = await house.sql<{ password_hash: string }[]>`
      select password_hash from password_credentials where user_id = 'old|4711'`
    expect(row?.password_hash).toMatch(/^\$argon2id\$/)
  })

  it('says which line was refused and why, and takes the others', async () => {
    const reply = await send(
      [
        JSON.stringify({ email: 'good1@import.example' }),
        '{not json',
        JSON.stringify({ email: 'no address' }),
        JSON.stringify({ email: 'x@import.example', is_superuser: true }),
        JSON.stringify({ email: 'y@import.example', roles: ['nobody knows'] }),
        JSON.stringify({
          email: 'z@import.example',
          password_hash: '$2b$31$abcdefghijklmnopqrstuvabcdefghijklmnopqrstuvabcdefghij',
        }),
        JSON.stringify({ email: 'GOOD1@import.example' }),
        JSON.stringify({ id: 'app_evil', username: 'evil' }),
        JSON.stringify({ username: 'good2', status: 'disabled' }),
      ].join('\n'),
    )
    const report = reply.json<Report>()
    expect(report).toMatchObject({ created: 2, skipped: 0, failed: 7 })
    expect(report.problems.map(({ line, code }) => [line, code])).toEqual([
      [2, 'invalid_record'],
      [3, 'invalid_record'],
      [4, 'invalid_record'],
      [5, 'unknown_role'],
      [6, 'unsupported_hash'],
      [8, 'invalid_record'],
      [7, 'already_exists'],
    ])
  })

  it.each<[string, object]>([
    ['NUL in a name', { name: 'a\0b' }],
    ['NUL in a role', { roles: ['user\0'] }],
    ['NUL deep in a claim', { claims: { a: [{ b: 'x\0' }] } }],
    ['half a character', { claims: { a: '\ud800' } }],
    ['half a character in a cell', { claims: '{"a":"\\ud800"}' }],
    ['too deep', { claims: { a: JSON.parse(`${'['.repeat(40)}${']'.repeat(40)}`) as object } }],
    ['a date before computers', { created_at: '-200000-01-01T00:00:00Z' }],
    ['a date that no database knows', { created_at: 8_640_000_000_000_000 }],
  ])('G-6: %s refuses its record and no other', async (name, members) => {
    const email = `${name.replaceAll(' ', '-').toLowerCase()}@odd.example`
    const reply = await send(lines({ email, ...members }, { email: `next-${email}` }))
    expect([name, reply.status, reply.json()]).toMatchObject([name, 200, { created: 1, problems: [{ line: 1 }] }])
  })

  it('two records with one id: nothing of the second goes to the account of the first', async () => {
    const password_hash = await bcrypt('the old password of years', { cost: 6 })
    const first = { id: 'once', email: 'once@import.example', password_hash }
    const second = { ...first, email: 'twice@import.example', roles: ['admin'], totp_secret: 'A'.repeat(32) }
    const report = (await send(lines(first, second))).json<Report>()
    expect(report).toMatchObject({ created: 1, problems: [{ line: 2, code: 'already_exists' }] })
    expect((await caller.call('GET', 'users/once')).json()).toMatchObject({
      user: { email: 'once@import.example', roles: [], factors: ['password'] },
    })
  })

  it('a line that does not end is told in words', async () => {
    const reply = await send(`{"email":"long@import.example","name":"${'x'.repeat(70_000)}"}`)
    expect([reply.status, reply.json()['code']]).toEqual([400, 'invalid_request'])
  })

  it('a dry run writes nothing; existing accounts can be passed over', async () => {
    const text = lines({ email: 'dry@import.example' }, { email: 'dry2@import.example' })
    const rehearsed = (await send(text, '?dry_run=true')).json<Report>()
    expect(rehearsed).toMatchObject({ created: 2, dry_run: true })
    expect((await caller.call('GET', 'users?q=dry')).json<{ users: [] }>().users).toEqual([])
    expect((await send(text)).json<Report>()).toMatchObject({ created: 2 })
    expect((await send(text, '?existing=skip')).json<Report>()).toMatchObject({ created: 0, skipped: 2, failed: 0 })
  })

  it('CSV says the same, with lists and objects in its cells', async () => {
    const text =
      'email,name,roles,claims,email_verified\r\n"csv@import.example","Lovelace, Ada","user","{""team"":""a,b""}",true\r\n'
    expect((await send(text, '', 'text/csv')).json<Report>()).toMatchObject({ created: 1, failed: 0 })
    const [user] = (await caller.call('GET', 'users?q=csv@')).json<{ users: { id: string; name: string }[] }>().users
    expect(user?.name).toBe('Lovelace, Ada')
    expect((await caller.call('GET', `users/${user?.id ?? ''}`)).json()).toMatchObject({
      user: { claims: { team: 'a,b' }, email_verified: true, roles: ['user'] },
    })
    expect((await send('a,b\n"open', '', 'text/csv')).status).toBe(400)
  })

  it('AD-2: nobody imports people with rights that they do not hold', async () => {
    await house.sql`insert into roles (name) values ('importer')`
    await house.sql`
      insert into role_permissions (role_id, permission_id)
      select r.id, p.id from roles r, permissions p where r.name = 'importer' and p.name in ('users:read', 'users:write', 'roles:assign')`
    const limited = await callerOf(house, await house.person({ roles: ['importer'] }))
    const text = lines(
      { email: 'mole@import.example', roles: ['admin'] },
      { email: 'ok@import.example', roles: ['user'] },
    )
    const report = (await send(text, '', 'application/x-ndjson', limited)).json<Report>()
    expect(report).toMatchObject({ created: 1, failed: 1, problems: [{ line: 1, code: 'beyond_ceiling' }] })
  })

  it('GD-2: the id of an erased account is never given again', async () => {
    await house.sql`insert into erasures (user_id, erased_at) values ('gone-for-good', now())`
    const report = (await send(lines({ id: 'gone-for-good', email: 'again@import.example' }))).json<Report>()
    expect(report).toMatchObject({ created: 0, problems: [{ code: 'already_exists' }] })
  })

  it('G-6: another type is 415, more than 1 MiB is 413', async () => {
    expect((await send('{}', '', 'application/json')).status).toBe(415)
    expect((await send('x'.repeat(1024 * 1024 + 1))).status).toBe(413)
  })
})

describe('export', () => {
  it('AD-3: over the API nothing secret goes out, whatever the format', async () => {
    for (const format of ['jsonl', 'csv']) {
      const reply = await caller.client.get(`/api/v1/users/export?format=${format}`)
      expect(reply.status).toBe(200)
      expect(reply.headers['content-disposition']).toBe(`attachment; filename="users.${format}"`)
      expect(reply.body).toContain('old|4711')
      expect(reply.body).not.toMatch(/argon2|password_hash|secret/)
    }
  })

  it('what the command line writes, another deployment reads: ids, roles and passwords are the same', async () => {
    const folder = await temporaryFolder()
    const person = await house.person({ roles: ['user'] })
    const file = join(folder, 'people.csv')
    const { env } = house.server
    const written = await cli(['user', 'export', '--with-hashes', '--output', file], { env })
    expect(written.code, written.stderr).toBe(0)
    const text = await readFile(file, 'utf8')
    expect(text).toContain(person.user_id)
    expect(text).toContain('$argon2id$')
    expect((await cli(['user', 'export', '--output', file], { env })).code).toBe(1)
    const elsewhere = await openHouse({ database: await freshDatabase() })
    await elsewhere.sql`insert into roles (name) values ('importer')`
    const target = { env: elsewhere.server.env }
    const rehearsed = await cli(['user', 'import', file, '--dry-run', '--json'], target)
    expect(rehearsed.json, rehearsed.stderr).toMatchObject({ failed: 0, dry_run: true })
    const read = await cli(['user', 'import', file, '--json'], target)
    expect(read.json, read.stderr).toMatchObject({ failed: 0, created: (rehearsed.json as Report).created })
    expectPage(await signIn(elsewhere.server.client(), person), 200, /account/i)
    const [row] = await elsewhere.sql<{ roles: string[] }[]>`select roles_of(${person.user_id}) as roles`
    expect(row?.roles).toEqual(['user'])
  })

  it('a realm of Keycloak moves in: its people sign in with the password and the app that they have', async () => {
    const folder = await temporaryFolder()
    const file = join(folder, 'realm.json')
    const realm = {
      realm: 'old',
      users: [
        {
          id: 'f2b7c0de-0000-4000-8000-00000000ada1',
          username: 'ada.of.keycloak',
          enabled: true,
          email: 'ada@keycloak.example',
          emailVerified: true,
          credentials: [
            {
              type: 'password',
              secretData: '{"value":"CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc=","salt":"c29tZXNhbHQ="}',
              credentialData:
                '{"hashIterations":2,"algorithm":"argon2","additionalParameters":{"memory":["65536"],"type":["id"],"version":["1.3"],"parallelism":["1"]}}',
            },
          ],
          realmRoles: ['default-roles-old'],
        },
        { username: 'not an account' },
      ],
    }
    await writeFile(file, JSON.stringify(realm))
    const { env } = house.server
    const done = await cli(['user', 'import', file, '--from', 'keycloak'], { env })
    expect([done.code, done.stdout]).toEqual([1, expect.stringContaining('Created 1, passed over 0, refused 1.')])
    expect(done.stdout).toContain('account 2: ')
    const person = { email: 'ada.of.keycloak', password: 'password', name: '' } as Person
    const client = house.server.client()
    expectPage(await signInOn(client, await client.get('/login'), person), 200, 'Your account')
    await writeFile(file, '{"localId":"x"}')
    for (const [from, words] of [
      ['keycloak', 'is not a realm export of Keycloak'],
      ['firebase', 'is not an export of `firebase auth:export` in JSON'],
    ] as const) {
      const refused = await cli(['user', 'import', file, '--from', from], { env })
      expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining(words)])
    }
  })

  it('a file that is none is told in words', async () => {
    const { env } = house.server
    const missing = await cli(['user', 'import', '/nowhere/people.csv'], { env })
    expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining('There is no file')])
    const folder = await temporaryFolder()
    await writeFile(join(folder, 'bad.csv'), 'a,b\n"open')
    const bad = await cli(['user', 'import', join(folder, 'bad.csv')], { env })
    expect(bad.code).toBe(1)
    expect(bad.stderr).not.toContain('    at ')
  })
})
