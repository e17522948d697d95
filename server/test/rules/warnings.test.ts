/** Letters that tell a person what a thief would do: security rules LI-4, RC-2 (security.md 1.4). */
import { beforeAll, describe, expect, it } from 'vitest'
import { transact } from '../../src/db/transact.ts'
import type { HttpRequest } from '../../src/http/request.ts'
import { type Warning, warn, warningKinds } from '../../src/recovery/warn.ts'
import type { TestUser } from '../support/fixtures.ts'
import { startInProcess, type InProcess } from '../support/in-process.ts'
import { inboxIn, type TestInbox } from '../support/inbox.ts'

let house: InProcess
let inbox: TestInbox

beforeAll(async () => {
  house = await startInProcess()
  inbox = inboxIn(house.ctx)
})

const request = {
  ip: '203.0.113.7',
  user_agent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  rawQuery: '',
  query: new Map(),
  form: new Map(),
  header: () => undefined,
} as unknown as HttpRequest

const tell = async (person: TestUser, warning: Partial<Warning> & Pick<Warning, 'kind'>): Promise<void> => {
  const { ctx } = house
  const facts = { user_id: person.user_id, now: ctx.now(), request, ...warning }
  await transact(ctx.db, async (tx) => await warn(ctx, tx, facts))
}

describe('a warning', () => {
  it.each(warningKinds)('LI-4: %s goes to the proved address, with one link to this issuer', async (kind) => {
    const person = await house.user()
    await tell(person, { kind, ...(kind === 'email_changed' && { old_email: person.email }) })
    const letter = await inbox.letter(person.email, { kind })
    const page = kind === 'email_changed' ? '/undo-email' : '/not-me'
    const link = new URL(letter.link)
    expect(link.origin + link.pathname).toBe(`${house.server.issuer}${page}`)
    expect(link.searchParams.get('token')).toMatch(/^kw_ot_[0-9A-Za-z]{40,}$/)
    expect(letter.code).toBe('')
    expect(letter.text).toContain('Firefox on Linux')
    expect(letter.text).toContain('203.0.113.7')
    expect(letter.text).not.toContain('{{')
  })

  it('names what it is about, and escapes it', async () => {
    const person = await house.user()
    await tell(person, { kind: 'passkey_added', name: '<b>phone</b>' })
    const added = await inbox.letter(person.email, { kind: 'passkey_added' })
    expect(added.text).toContain('“<b>phone</b>”')
    expect(added.html).not.toContain('<b>phone')
    await tell(person, { kind: 'factor_removed', factor: 'totp' })
    expect((await inbox.letter(person.email, { kind: 'factor_removed' })).text).toContain('an authenticator app')
    await tell(person, { kind: 'backup_code_used', left: 1 })
    expect((await inbox.letter(person.email, { kind: 'backup_code_used' })).text).toContain('1 code is left')
  })

  it('SO-2: never goes to an address that nobody has proved', async () => {
    const person = await house.user({ email_verified: false })
    await tell(person, { kind: 'new_device' })
    expect(await inbox.letters(person.email)).toEqual([])
  })

  it('holds nothing secret while it waits', async () => {
    const person = await house.user()
    await tell(person, { kind: 'new_device' })
    const [row] = await house.db<{ facts: object }[]>`select facts from outbox where user_id = ${person.user_id}`
    expect(JSON.stringify(row?.facts)).not.toContain('kw_ot_')
    const { link } = await inbox.letter(person.email)
    const token = new URL(link).searchParams.get('token') ?? ''
    const rows = await house.db`select * from one_time_tokens where user_id = ${person.user_id}`
    expect(JSON.stringify(rows)).not.toContain(token)
  })
})
