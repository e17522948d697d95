/** Second steps by mail, text message, backup code and password: rules MF-2, MF-3, MF-4, G-2, LI-5 (security.md 1.0b, 1.4). */
import { beforeAll, describe, expect, it } from 'vitest'
import { backupCodesOf, chooseCodes, lettersSettled, someNumber } from '../support/factors.ts'
import { answerOf, type App, ask, expectPage, type House, openHouse, type Person, signInOn } from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { inboxOf, type TestInbox } from '../support/inbox.ts'
import { eventsOf } from '../support/written.ts'

let house: House
let inbox: TestInbox

beforeAll(async () => {
  house = await openHouse()
  inbox = inboxOf(house.server)
})

const title = 'Confirm that it is you'

/** A person with codes by mail, at the page of the second step. */
const byMail = async (): Promise<{ person: Person; client: HttpClient; page: Reply }> => {
  const person = await house.person()
  await chooseCodes(house.ctx, person.user_id, { channel: 'email', destination: person.email })
  const client = house.server.client()
  return { person, client, page: await firstStep(client, person) }
}

const firstStep = async (client: HttpClient, person: Person): Promise<Reply> => {
  const page = await signInOn(client, await client.get('/login'), person)
  expectPage(page, 200, title)
  return page
}

const send = async (client: HttpClient, page: Reply): Promise<Reply> =>
  await client.walk(client.submit(page, {}, { button: { name: 'send' } }))

const confirm = async (client: HttpClient, page: Reply, code: string): Promise<Reply> =>
  await client.walk(client.submit(page, { code }))

const codeTo = async (to: string): Promise<string> => (await inbox.letter(to)).code

describe('a code by mail', () => {
  it('MF-3: is sent at the press of a button and never by opening the page; its page shows where to, masked', async () => {
    const { person, client, page } = await byMail()
    await client.get(page.url.pathname + page.url.search)
    expect(await inbox.letters(person.email)).toEqual([])
    expect(page.body).toContain('p•••@e•••.com')
    expect(page.body).not.toContain(person.email)
    const sent = await send(client, page)
    expectPage(sent, 200, title)
    const letter = await inbox.letter(person.email)
    expect(letter.kind).toBe('factor_code')
    expect(letter.code).toMatch(/^\d{6}$/)
    expectPage(await confirm(client, sent, letter.code), 200, 'Your account')
    const [session] = await house.sql`select acr, amr from sessions where user_id = ${person.user_id}`
    expect(session).toEqual({ acr: 'aal2', amr: ['pwd', 'otp', 'mfa'] })
  })

  it('MF-3: a new code voids the old one, and no code works twice', async () => {
    const { person, client, page } = await byMail()
    const first = await send(client, page)
    const old = await inbox.letter(person.email)
    const second = await send(client, first)
    const fresh = await inbox.letter(person.email, { after: old })
    if (old.code !== fresh.code) expectPage(await confirm(client, second, old.code), 401, title)
    expectPage(await confirm(client, second, fresh.code), 200, 'Your account')
    const later = house.server.client()
    expectPage(await confirm(later, await firstStep(later, person), fresh.code), 401, title)
  })

  it('MF-3: three codes in ten minutes; the last one stays good', async () => {
    const { person, client, page } = await byMail()
    const third = await send(client, await send(client, await send(client, page)))
    expectPage(third, 200, title)
    const fourth = await send(client, third)
    expectPage(fourth, 429, title)
    expect(fourth.body).toContain('No more codes for now')
    await lettersSettled(house.sql, person)
    expectPage(await confirm(client, fourth, await codeTo(person.email)), 200, 'Your account')
  })

  it('MF-3: is bound to its sign-in and its browser', async () => {
    const { person, client, page } = await byMail()
    await send(client, page)
    const code = await codeTo(person.email)
    const other = house.server.client()
    const elsewhere = await firstStep(other, person)
    expectPage(await confirm(other, elsewhere, code), 401, title)
    const same = await firstStep(client, person)
    expectPage(await confirm(client, same, code), 401, title)
  })

  it("MF-3: another person's code is worth nothing", async () => {
    const [one, two] = [await byMail(), await byMail()]
    await send(one.client, one.page)
    const mine = await send(two.client, two.page)
    const [theirs, own] = [await codeTo(one.person.email), await codeTo(two.person.email)]
    if (theirs !== own) expectPage(await confirm(two.client, mine, theirs), 401, title)
    expectPage(await confirm(two.client, mine, own), 200, 'Your account')
  })

  it('MF-3, RL-1: a hundred parallel guesses compare five codes at most, the right one too late', async () => {
    const { person, client, page } = await byMail()
    const sent = await send(client, page)
    const right = await codeTo(person.email)
    const guesses = Array.from({ length: 100 }, (_, index) => String(200_000 + index)).filter((one) => one !== right)
    const answers = await Promise.all(guesses.map(async (code) => (await client.submit(sent, { code })).status))
    expect(answers.filter((status) => status === 401).length).toBe(5)
    expectPage(await confirm(client, sent, right), 429, title)
  })

  it('MF-3: no code lies in the tables or the log in plain', async () => {
    const { person, client, page } = await byMail()
    await send(client, page)
    const code = await codeTo(person.email)
    const rows = await house.sql`
      select row_to_json(t)::text as text from one_time_tokens t where user_id = ${person.user_id}
      union all select row_to_json(o)::text from outbox o where user_id = ${person.user_id}`
    expect(rows.length).toBe(2)
    for (const { text } of rows) expect(text).not.toContain(`"${code}"`)
    expect(house.server.output()).not.toContain(code)
  })

  it('MF-1: switched off by its owner meanwhile, its code proves nothing', async () => {
    const { person, client, page } = await byMail()
    const sent = await send(client, page)
    const code = await codeTo(person.email)
    await house.sql`delete from code_factors where user_id = ${person.user_id}`
    // Nothing else is asked of this person then: the page has no second step to take.
    const answer = await client.submit(sent, { code })
    expect([answer.status, answer.location?.pathname]).toEqual([303, '/login'])
  })
})

describe('a code by text message', () => {
  it('MF-3: goes to the number that was proved, of which the page shows three digits', async () => {
    const person = await house.person()
    const number = someNumber()
    await chooseCodes(house.ctx, person.user_id, { channel: 'sms', destination: number })
    const client = house.server.client()
    const page = await firstStep(client, person)
    expect(page.body).toContain(`•••• ${number.slice(-3)}`)
    expect(page.body).not.toContain(number)
    const sent = await send(client, page)
    const message = await inbox.letter(number)
    expect(message.text).toContain(`#${message.code}`)
    expectPage(await confirm(client, sent, message.code), 200, 'Your account')
    const [session] = await house.sql`select amr from sessions where user_id = ${person.user_id}`
    expect(session).toEqual({ amr: ['pwd', 'sms', 'mfa'] })
  })
})

describe('a backup code', () => {
  const withCodes = async () => {
    const { person, client, page } = await byMail()
    const codes = await backupCodesOf(house.ctx, person.user_id)
    const shown = await client.get(`${page.url.pathname}${page.url.search}&kind=backup_code`)
    expectPage(shown, 200, title)
    return { person, client, page: shown, codes }
  }

  it('MF-4: ten, each good once, however it is typed; its owner is told', async () => {
    const { person, client, page, codes } = await withCodes()
    expect(new Set(codes).size).toBe(10)
    const [first = ''] = codes
    expect(first).toMatch(/^([0-9a-z]{4}-){4}[0-9a-z]{4}$/)
    expectPage(await confirm(client, page, ` ${first.toUpperCase().replaceAll('-', ' ')} `), 200, 'Your account')
    expect((await inbox.letter(person.email, { kind: 'backup_code_used' })).text).toContain('9 codes are left')
    expect((await eventsOf(house.sql, person)).map((one) => one.type)).toContain('backup_codes.used')
    const later = house.server.client()
    const again = await firstStep(later, person)
    const form = await later.get(`${again.url.pathname}${again.url.search}&kind=backup_code`)
    expectPage(await confirm(later, form, first), 401, title)
  })

  it('MF-4: new codes void the old ones, those of others are worth nothing', async () => {
    const { person, client, page, codes } = await withCodes()
    const fresh = await backupCodesOf(house.ctx, person.user_id)
    expectPage(await confirm(client, page, codes[0] ?? ''), 401, title)
    const stranger = await withCodes()
    expectPage(await confirm(client, page, stranger.codes[0] ?? ''), 401, title)
    expectPage(await confirm(client, page, fresh[0] ?? ''), 200, 'Your account')
  })

  it('G-2: fifty uses of one code at once, in ten sign-ins: one success', async () => {
    const { person, codes } = await withCodes()
    const visits: { client: HttpClient; page: Reply }[] = []
    // One after the other: strangers at once would be slowed down (RL-1).
    for (let count = 0; count < 10; count += 1) {
      const client = house.server.client()
      visits.push({ client, page: await firstStep(client, person) })
    }
    const uses = visits.flatMap(({ client, page }) =>
      Array.from({ length: 5 }, async () => await client.submit(page, { kind: 'backup_code', code: codes[0] ?? '' })),
    )
    const answers = await Promise.all(uses)
    expect(answers.filter(({ location }) => location?.pathname === '/account').length).toBe(1)
    const sessions = await house.sql`select 1 from sessions where user_id = ${person.user_id}`
    expect(sessions.length).toBe(1)
  })

  it('security design 3.1: lies in the table as a slow hash only', async () => {
    const { person, codes } = await withCodes()
    const rows = await house.sql<{ lookup: string; code_hash: string }[]>`
      select lookup, code_hash from backup_codes where user_id = ${person.user_id}`
    expect(rows.length).toBe(10)
    for (const { lookup, code_hash } of rows) {
      expect(code_hash).toMatch(/^\$argon2id\$/)
      expect(codes.some((code) => code.startsWith(lookup))).toBe(true)
      for (const code of codes) expect(code_hash).not.toContain(code.replaceAll('-', '').slice(4))
    }
  })
})

describe('the way back', () => {
  it('AZ-12: leads to the application, which is told that nobody signed in', async () => {
    const app: App = await house.app({ first_party: true, client_name: 'Ledger' })
    const person = await house.person()
    await chooseCodes(house.ctx, person.user_id, { channel: 'email', destination: person.email })
    const client = house.server.client()
    const page = await signInOn(client, await ask(client, app), person)
    expect(page.body).toContain('Ledger')
    const answer = await client.walk(client.submit(page, {}, { button: { name: 'cancel' } }))
    expect(answerOf(answer)).toMatchObject({ error: 'access_denied' })
  })

  it('HD-1, AD-4: a form of another sign-in, or without its token, changes nothing', async () => {
    const { client, page, person } = await byMail()
    const answer = await client.submit(page, { csrf: 'x' }, { button: { name: 'send' } })
    expectPage(answer, 403, /./)
    expect(await inbox.letters(person.email)).toEqual([])
  })
})
