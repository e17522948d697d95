/** What nobody brings in or takes out with a file of accounts: rules RL-2, LI-1, AD-2 of security.md, CWE-1236. */
import { beforeAll, describe, expect, it } from 'vitest'
import { routesFor } from '../../src/app.ts'
import { type Caller, callerOf } from '../support/api.ts'
import { freshDatabase } from '../support/database.ts'
import { type House, openHouse } from '../support/flow.ts'
import type { Reply } from '../support/http.ts'

let house: House
let caller: Caller

beforeAll(async () => {
  house = await openHouse()
  caller = await callerOf(house, await house.person({ roles: ['admin'] }))
})

type Report = { created: number; failed: number; problems: { line: number; code: string }[] }

const send = async (text: string): Promise<Reply> => {
  const { csrf_token } = (await caller.client.get('/api/v1/auth/session')).json<{ csrf_token: string }>()
  const headers = { 'content-type': 'application/x-ndjson', origin: house.server.issuer, 'x-csrf-token': csrf_token }
  return await caller.client.request('/api/v1/users/import', { method: 'POST', headers, body: text })
}
const lines = (...records: object[]): string => records.map((one) => JSON.stringify(one)).join('\n')

describe('import', () => {
  it('RL-2, LI-1: a hash that nobody can compute is refused, or every wrong password would end in an error', async () => {
    const [salt, hash] = [Buffer.alloc(16, 7), Buffer.alloc(32, 7)].map((bytes) => bytes.toString('base64url'))
    const hashes = [
      `$scrypt$ln=16,r=1,p=1$${salt}$${hash}`,
      `scrypt:65536:1:1$salt$${'ab'.repeat(16)}`,
      `$firebase-scrypt$ln=16,r=1,sk=${hash},ss=Bw$${salt}$${hash}`,
      `$2b$10$${'v'.repeat(22)}${'b'.repeat(31)}`,
    ]
    const records = hashes.map((password_hash, at) => ({ email: `odd${at}@hash.example`, password_hash }))
    const report = (await send(lines(...records))).json<Report>()
    expect(report).toMatchObject({ created: 0, failed: 4 })
    expect(new Set(report.problems.map(({ code }) => code))).toEqual(new Set(['unsupported_hash']))
    // What lies in the database from an earlier release is no password either.
    const { user_id } = await house.person({ email: 'odd@hash.example' })
    await house.sql`update password_credentials set password_hash = ${hashes[0] ?? ''} where user_id = ${user_id}`
    const client = house.server.client()
    for (const login of ['odd@hash.example', 'nobody@hash.example']) {
      const page = await client.get('/login')
      expect([login, (await client.submit(page, { login, password: 'a wrong guess' })).status]).toEqual([login, 401])
    }
  })

  it('no account has an id that is an address of the API: whoever deletes it would delete themselves', async () => {
    const { config } = house.ctx
    const words = routesFor(config).flatMap(({ path }) => /^\/api\/v1\/users\/([^/:]+)/.exec(path)?.[1] ?? [])
    expect(words).toEqual(expect.arrayContaining(['me', 'import', 'export', 'invitations']))
    for (const id of new Set([...words, '.', '..'])) {
      const report = (await send(lines({ id, email: 'word@import.example' }))).json<Report>()
      expect([id, report.created, report.problems[0]?.code]).toEqual([id, 0, 'invalid_record'])
    }
  })
})

describe('export', () => {
  it('CWE-1236: a spreadsheet computes nothing of it, and an import reads what was there', async () => {
    const names = ['=HYPERLINK("https://evil.example")', '+1+1|x', '-2+3', '@SUM(A1)', "'=1+1", "''=2", "'plain"]
    for (const [at, name] of names.entries()) await house.person({ email: `cell${at}@sheet.example`, name })
    await house.person({ email: '=cmd@sheet.example', name: 'x' })
    await house.sql`update users set phone_number = '+4930123456' where email = '=cmd@sheet.example'`
    const { body } = await caller.client.get('/api/v1/users/export?format=csv')
    const [head = '', ...rows] = body.split('\r\n').filter((row) => /^id,|@sheet/.test(row))
    for (const cell of rows.flatMap((row) => row.split(','))) expect(cell).not.toMatch(/^"?(=|-|@|\+(?!\d+$))/)
    const elsewhere = await openHouse({ database: await freshDatabase() })
    const there = await callerOf(elsewhere, await elsewhere.person({ roles: ['admin'] }))
    const { csrf_token } = (await there.client.get('/api/v1/auth/session')).json<{ csrf_token: string }>()
    const headers = { 'content-type': 'text/csv', origin: elsewhere.server.issuer, 'x-csrf-token': csrf_token }
    const sent = { method: 'POST', headers, body: [head, ...rows].join('\r\n') }
    expect((await there.client.request('/api/v1/users/import', sent)).json<Report>()).toMatchObject({ failed: 0 })
    const read = await elsewhere.sql<{ name: string; phone_number: string | null }[]>`
      select name, phone_number from users where email like '%@sheet.example' order by created_at, id`
    expect(read.map(({ name }) => name)).toEqual([...names, 'x'])
    expect(read.at(-1)?.phone_number).toBe('+4930123456')
  })
})
