/** How often letters can be asked for (security.md 1.9, RL-1), when codes and links end (MF-3, RC-1), and which addresses are ones (EM-1). */
import { describe, expect, it } from 'vitest'
import { transact } from '../../src/db/transact.ts'
import { warn } from '../../src/recovery/warn.ts'
import { invite } from '../../src/signup/invitations.ts'
import { askForCode, freshAddress, goodPassword, letterPath, recover, register, typeCode } from '../support/entry.ts'
import type { TestUser } from '../support/fixtures.ts'
import { expectPage } from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { inboxIn } from '../support/inbox.ts'
import { type InProcess, startInProcess } from '../support/in-process.ts'

const ask = async (client: HttpClient, path: string, json: object): Promise<Reply> =>
  await client.request(`/api/v1/auth/${path}`, { method: 'POST', json })

describe('RL-1', () => {
  it('ten letters an hour for each network address, of all kinds together; looking at pages does not count', async () => {
    const house = await startInProcess({ KEYWRIGHT_LIMITS: 'on' })
    const client = house.server.client()
    const calls = [
      async () => await ask(client, 'register', { email: freshAddress(), password: goodPassword }),
      async () => await ask(client, 'forgot-password', { login: freshAddress() }),
      async () => await ask(client, 'email-code', { login: freshAddress() }),
    ]
    for (let asked = 0; asked < 12; asked += 1) await client.get('/recover')
    const statuses: number[] = []
    for (let asked = 0; asked < 12; asked += 1) statuses.push((await calls[asked % 3]?.())?.status ?? 0)
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 202), 429, 429])
    const over = await recover(client, freshAddress())
    expect([over.status, Number(over.headers['retry-after'])]).toEqual([429, expect.any(Number) as number])
    house.pass(3600)
    expect((await ask(client, 'forgot-password', { login: freshAddress() })).status).toBe(202)
  })

  it('five letters an hour for each address, whoever asks and for whatever', async () => {
    const house = await startInProcess()
    const inbox = inboxIn(house.ctx)
    const person = await house.user()
    const statuses: number[] = []
    for (const path of [
      'forgot-password',
      'email-code',
      'forgot-password',
      'email-code',
      'forgot-password',
      'email-code',
    ])
      statuses.push((await ask(house.server.client(), path, { login: person.email })).status)
    expect(statuses).toEqual([202, 202, 202, 202, 202, 429])
    expect((await inbox.letters(person.email)).length).toBe(5)
    house.pass(3601)
    expect((await ask(house.server.client(), 'email-code', { login: person.email })).status).toBe(202)
  })

  it('the page that says that there are no more takes the code of the newest one', async () => {
    const house = await startInProcess()
    const person = await house.user()
    const client = house.server.client()
    for (let asks = 1; asks <= 5; asks += 1) await recover(client, person.email)
    const page = await recover(client, person.email)
    expect(page.body).toContain('No more mails for now')
    const [newest] = await house.inbox.letters(person.email)
    expect((await typeCode(client, page, newest?.code ?? '')).body).toContain('Choose a new password')
  })
})

describe('lives', () => {
  it('MF-3: a code is right until ten minutes after it was asked for, known and unknown alike', async () => {
    const house = await startInProcess({ KEYWRIGHT_THROTTLE_FREE: '20' })
    const inbox = inboxIn(house.ctx)
    for (const [seconds, known, unknown] of [
      [599, 303, 401],
      [601, 401, 401],
    ] as const) {
      const person = await house.user()
      const [owner, stranger] = [house.server.client(), house.server.client()]
      const pages = [await recover(owner, person.email), await recover(stranger, freshAddress())] as const
      const { code } = await inbox.letter(person.email)
      house.pass(seconds)
      const typed = await typeCode(owner, pages[0], code)
      expect(typed.status === 200 ? 303 : typed.status).toBe(known)
      const guessed = await typeCode(stranger, pages[1], code)
      expect(guessed.status).toBe(unknown)
      expect(guessed.body.includes('does not work any more'), 'unknown after ten minutes').toBe(seconds > 600)
    }
  })

  it.each([
    ['a link that resets', 1799, 200, 'reset'],
    ['a link that resets', 1801, 400, 'reset'],
    ['a link of a registration', 86_399, 200, 'register'],
    ['a link of a registration', 86_401, 400, 'register'],
  ] as const)('%s after %i seconds: %i', async (_name, seconds, status, kind) => {
    const house = await startInProcess()
    const inbox = inboxIn(house.ctx)
    const client = house.server.client()
    const email = kind === 'reset' ? (await house.user()).email : freshAddress()
    if (kind === 'reset') await recover(client, email)
    else await register(client, { email, name: 'Ada' })
    const letter = await inbox.letter(email)
    house.pass(seconds)
    expect((await client.get(letterPath(letter))).status).toBe(status)
  })

  it.each<[string, number, (house: InProcess, user: TestUser) => Promise<unknown>]>([
    ['a link that signs in', 1800, async (house, { email }) => await askForCode(house.server.client(), email)],
    ['an invitation', 72 * 3600, async ({ ctx }, { email }) => await invite(ctx, { email: `x${email}`, roles: [] })],
    ['a warning', 7 * 86_400, async (house, user) => await warned(house, user, {})],
    ['the way back', 7 * 86_400, async (house, user) => await warned(house, user, { old_email: `x${user.email}` })],
  ])('%s: %i seconds', async (_name, bound, cause) => {
    const house = await startInProcess()
    const user = await house.user()
    await cause(house, user)
    const sent = [...(await house.inbox.letters(user.email)), ...(await house.inbox.letters(`x${user.email}`))]
    const look = async (): Promise<boolean> =>
      (await house.server.client().get(letterPath(sent[0] ?? { link: '' }))).status === 200
    house.pass(bound - 1)
    expect([sent.length, await look()]).toEqual([1, true])
    house.pass(2)
    expect(await look()).toBe(false)
  })

  it('RC-1: what a warning leads to sets a password within an hour of it; later a letter is needed', async () => {
    const house = await startInProcess()
    for (const [seconds, shown] of [
      [3599, 'Choose a new password'],
      [3601, 'Everybody is signed out'],
    ] as const) {
      const user = await house.user()
      await warned(house, user, {})
      const letter = await house.inbox.letter(user.email)
      const client = house.server.client()
      house.pass(seconds)
      expectPage(await client.submit(await client.get(letterPath(letter))), 200, shown)
    }
  })
})

const warned = async ({ ctx, db }: InProcess, { user_id }: TestUser, about: { old_email?: string }): Promise<void> => {
  const kind = about.old_email === undefined ? 'new_device' : 'email_changed'
  await transact(db, async (tx) => await warn(ctx, tx, { kind, user_id, now: ctx.now(), ...about }))
}

describe('EM-1', () => {
  it('what is no plain address is refused at registration, and nothing is queued', async () => {
    const house = await startInProcess()
    const addresses = [
      'ada',
      'a@b@c.example',
      'ada＠example.com@evil.example',
      '"ada"@example.com',
      'Ada <ada@example.com>',
      'a@example.com,b@example.com',
      'ada@example.com\r\nBcc: eve@evil.example',
      'ada@example.com (comment)',
      'group: a@example.com;',
      `${'a'.repeat(65)}@example.com`,
      'ada@[127.0.0.1]',
      'İnci@example.com',
    ]
    for (const email of addresses) {
      const reply = await ask(house.server.client(), 'register', { email, password: goodPassword })
      expect([email, reply.status]).toEqual([email, 422])
      expect((await ask(house.server.client(), 'forgot-password', { login: email })).status).toBe(202)
    }
    const rows = await house.db<{ recipient: string }[]>`select distinct recipient from outbox`
    expect(rows.filter(({ recipient }) => !recipient.endsWith('@nobody.invalid'))).toEqual([])
  })

  it('an address may begin with a question mark, and gets its letters like any other', async () => {
    const house = await startInProcess()
    const person = await house.user({ email: '?ada@example.com' })
    await recover(house.server.client(), person.email)
    await ask(house.server.client(), 'email-code', { login: person.email })
    const kinds = (await house.inbox.letters(person.email)).map(({ kind }) => kind)
    expect(kinds.toSorted()).toEqual(['reset_password', 'sign_in'])
  })
})
