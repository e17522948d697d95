/** A person's own page of second steps: rules LI-4, MF-2, MF-3, MF-4, AD-4 (security.md 1.4, 1.6). */
import { Secret, TOTP } from 'otpauth'
import { beforeAll, describe, expect, it } from 'vitest'
import { authenticatorOf, chooseCodes, someNumber } from '../support/factors.ts'
import { expectPage, type House, openHouse, type Person, signIn } from '../support/flow.ts'
import { decode } from '../support/form.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { inboxOf, type TestInbox } from '../support/inbox.ts'
import { eventsOf } from '../support/written.ts'

let house: House
let inbox: TestInbox

beforeAll(async () => {
  house = await openHouse()
  inbox = inboxOf(house.server)
})

const somebody = async (): Promise<{ person: Person; client: HttpClient }> => {
  const person = await house.person()
  const client = house.server.client()
  expectPage(await signIn(client, person), 200, 'Your account')
  return { person, client }
}

const open = async (client: HttpClient, path: string): Promise<Reply> => {
  const page = await client.get(path)
  expect([page.status, page.location?.href]).toEqual([200, undefined])
  return page
}

/** The secret that a page shows, as an app would take it. */
const appOf = (page: Reply): TOTP => {
  const uri = decode(/href="(otpauth:[^"]*)"/.exec(page.body)?.[1] ?? '')
  const shown = /<code class="secret"[^>]*>([A-Z2-7 ]+)</.exec(page.body)?.[1]?.replaceAll(' ', '') ?? ''
  expect(new URL(uri).searchParams.get('secret')).toBe(shown)
  expect(page.body).toMatch(/<svg viewBox="0 0 \d+ \d+" role="img"/)
  return new TOTP({ secret: Secret.fromBase32(shown) })
}

const send = async (client: HttpClient, page: Reply, values: Record<string, string> = {}): Promise<Reply> =>
  await client.walk(client.submit(page, values, { button: { name: 'send' } }))

const press = async (client: HttpClient, page: Reply, values: Record<string, string> = {}): Promise<Reply> =>
  await client.walk(client.submit(page, values))

const types = async (person: Person): Promise<string[]> => (await eventsOf(house.sql, person)).map((one) => one.type)
const age = async (person: Person, seconds: number): Promise<void> => {
  await house.sql`
    update sessions set auth_time = auth_time - make_interval(secs => ${seconds}) where user_id = ${person.user_id}`
  // Copies of sessions live for a second.
  await new Promise((resolve) => setTimeout(resolve, 1100))
}

describe('an authenticator app', () => {
  it('counts from its first right code on; its owner is told, and offered backup codes', async () => {
    const { person, client } = await somebody()
    const page = await open(client, '/account/factors/totp')
    const app = appOf(page)
    const wrong = await press(client, page, { code: '000000', name: 'My phone' })
    expectPage(wrong, 401, 'Set up an authenticator app')
    expect(wrong.body).toContain('My phone')
    expect(appOf(wrong).secret.base32).toBe(app.secret.base32)
    const offered = await press(client, wrong, { code: app.generate(), name: 'My phone' })
    expectPage(offered, 200, 'Backup codes')
    const shown = await press(client, offered)
    expect(shown.body.match(/<li><code>/g)).toHaveLength(10)
    const list = await open(client, '/account/factors')
    expect(list.body).toContain('My phone')
    expect(list.body).toContain('10 codes are left')
    expect(await types(person)).toEqual(expect.arrayContaining(['factor.added', 'backup_codes.made']))
    const letters = await inbox.letters(person.email)
    expect(letters.map((letter) => letter.kind)).toEqual(['factor_added', 'factor_added'])
    for (const letter of letters) expect(letter.link).toContain('/not-me?token=')
    const later = house.server.client()
    const second = await signIn(later, person)
    expectPage(second, 200, 'Confirm that it is you')
    expectPage(await press(later, second, { code: app.generate() }), 401, 'Confirm that it is you')
    const next = app.generate({ timestamp: Date.now() + 30_000 })
    expectPage(await press(later, second, { code: next }), 200, 'Your account')
  })

  it('shows the same secret again until it is confirmed, for half an hour, and never afterwards', async () => {
    const { person, client } = await somebody()
    const first = appOf(await open(client, '/account/factors/totp')).secret.base32
    expect(appOf(await open(client, '/account/factors/totp')).secret.base32).toBe(first)
    await house.sql`update totp_factors set created_at = created_at - interval '31 minutes' where user_id = ${person.user_id}`
    const page = await open(client, '/account/factors/totp')
    const second = appOf(page)
    expect(second.secret.base32).not.toBe(first)
    await house.sql`
      update totp_factors set created_at = created_at - interval '31 minutes' where user_id = ${person.user_id}`
    expectPage(await press(client, page, { code: second.generate() }), 401, 'Set up an authenticator app')
    for (const [path, empty] of [
      ['/account/factors', 'There is none yet'],
      ['/account/factors', 'You have no passkey yet'],
      ['/account/security', 'You have no passkey yet'],
    ] as const)
      expect((await open(client, path)).body).toContain(empty)
  })

  it("is confirmed by its owner alone, and one's secret lies nowhere in plain", async () => {
    const [one, two] = [await somebody(), await somebody()]
    const page = await open(one.client, '/account/factors/totp')
    const app = appOf(page)
    const id = page.forms[0]?.fields.find((field) => field.name === 'id')?.value ?? ''
    const own = await open(two.client, '/account/factors/totp')
    expectPage(await press(two.client, own, { id, code: app.generate() }), 401, 'Set up an authenticator app')
    const rows = await house.sql<{ text: string }[]>`select row_to_json(t)::text as text from totp_factors t`
    expect(rows.length).toBeGreaterThan(0)
    for (const { text } of rows) expect(text).not.toContain(app.secret.base32)
    expect(house.server.output()).not.toContain(app.secret.base32)
  })

  it('five at most; each has a name that can be changed', async () => {
    const { person, client } = await somebody()
    for (let count = 0; count < 5; count += 1) await authenticatorOf(house.ctx, person.user_id)
    expect((await client.get('/account/factors/totp')).status).toBe(409)
    const list = await open(client, '/account/factors')
    const renamed = await client.walk(
      client.submit(list, { name: '  Old <phone>  ' }, { form: (form) => form.action.endsWith('/rename') }),
    )
    expect(renamed.body).toContain('Old &lt;phone&gt;')
    expect(await types(person)).toContain('factor.renamed')
  })
})

describe('codes by mail and text message', () => {
  it('MF-3: by mail once a first code is typed; then they are the second step', async () => {
    const { person, client } = await somebody()
    const page = await open(client, '/account/factors/email')
    expect(await inbox.letters(person.email)).toEqual([])
    const sent = await send(client, page)
    const { code } = await inbox.letter(person.email)
    expectPage(await press(client, sent, { code: code === '123456' ? '654321' : '123456' }), 401, 'Codes by email')
    expectPage(await press(client, sent, { code }), 200, 'Backup codes')
    const later = house.server.client()
    expectPage(await signIn(later, person), 200, 'Confirm that it is you')
  })

  it('MF-3: by text message to a number that is proved and becomes that of the account', async () => {
    const { person, client } = await somebody()
    const number = someNumber()
    const page = await open(client, '/account/factors/sms')
    const invalid = await send(client, page, { phone: '0151 2345678' })
    expectPage(invalid, 422, 'Codes by text message')
    const sent = await send(client, invalid, { phone: number.replace('+49', '0049 ') })
    expectPage(sent, 200, 'Codes by text message')
    expect(await house.sql`select phone_number from users where id = ${person.user_id}`).toEqual([
      { phone_number: null },
    ])
    const { code } = await inbox.letter(number)
    expectPage(await press(client, sent, { code }), 200, 'Backup codes')
    const [user] = await house.sql`select phone_number, phone_number_verified from users where id = ${person.user_id}`
    expect(user).toEqual({ phone_number: number, phone_number_verified: true })
  })

  it('MF-3: a code that proved a number is no second step, and one for a sign-in adds nothing', async () => {
    const { person, client } = await somebody()
    await chooseCodes(house.ctx, person.user_id, { channel: 'email', destination: person.email })
    const later = house.server.client()
    const second = await signIn(later, person)
    await send(later, second)
    const signInCode = (await inbox.letter(person.email)).code
    const page = await send(client, await open(client, '/account/factors/sms'), { phone: someNumber() })
    expectPage(await press(client, page, { code: signInCode }), 401, 'Codes by text message')
  })

  it('G-5: is switched off with its kind', async () => {
    const strict = await openHouse({ env: { KEYWRIGHT_FACTORS: 'totp' } })
    const person = await strict.person()
    const client = strict.server.client()
    await signIn(client, person)
    expect((await open(client, '/account/factors')).body).not.toContain('Codes by email')
    expect((await client.get('/account/factors/email')).status).toBe(403)
  })
})

describe('LI-4: what a thief of a session must not do', () => {
  const guarded = ['/account/factors/totp', '/account/factors/email', '/account/factors/sms']

  it('adding needs a fresh proof, after which the person is back where they were', async () => {
    const { person, client } = await somebody()
    await age(person, 301)
    for (const path of guarded) {
      const reply = await client.get(path)
      expect(reply.location?.pathname, path).toBe('/login')
      expect(reply.location?.searchParams.get('return_to')).toBe(path)
    }
    const login = await client.walk(client.get('/account/factors/totp'))
    const back = await client.walk(client.submit(login, { password: person.password }))
    expectPage(back, 200, 'Set up an authenticator app')
  })

  it('the posts need it as well', async () => {
    const { person, client } = await somebody()
    const phone = await authenticatorOf(house.ctx, person.user_id)
    const pages = await Promise.all(
      [...guarded, '/account/factors/backup-codes', `/account/factors/remove/totp/${phone.id}`].map(
        async (path) => await open(client, path),
      ),
    )
    await age(person, 301)
    for (const page of pages) {
      const reply = await client.submit(page, { code: phone.code() })
      expect([reply.status, reply.location?.pathname], page.url.pathname).toEqual([303, '/login'])
    }
    expect(await types(person)).not.toContain('backup_codes.made')
  })

  it('AD-4: nothing without the token of the form', async () => {
    const { client } = await somebody()
    const page = await open(client, '/account/factors/backup-codes')
    expect((await client.submit(page, { csrf: 'x' })).status).toBe(403)
  })
})

describe('MF-4: the removal of a second step', () => {
  const removal = async (client: HttpClient, id: string, kind = 'totp'): Promise<Reply> =>
    await open(client, `/account/factors/remove/${kind}/${id}`)

  it('needs another factor than the one that goes: its own code is not even asked for', async () => {
    const { person, client } = await somebody()
    const phone = await authenticatorOf(house.ctx, person.user_id)
    await chooseCodes(house.ctx, person.user_id, { channel: 'email', destination: person.email })
    const page = await removal(client, phone.id)
    expectPage(await press(client, page, { kind: 'totp', code: phone.code() }), 403, 'Remove this second step')
    expectPage(await press(client, page, { kind: 'password', code: person.password }), 403, 'Remove this second step')
    const sent = await send(client, page)
    const { code } = await inbox.letter(person.email)
    const list = await press(client, sent, { code })
    expectPage(list, 200, 'Second steps')
    expect(list.body).toContain('The second step was removed')
    expect((await inbox.letter(person.email, { kind: 'factor_removed' })).link).toContain('/not-me?token=')
    expect(await types(person)).toContain('factor.removed')
  })

  it('one of two authenticators goes with the code of the other', async () => {
    const { person, client } = await somebody()
    const [lost, kept] = [
      await authenticatorOf(house.ctx, person.user_id),
      await authenticatorOf(house.ctx, person.user_id),
    ]
    const page = await removal(client, lost.id)
    expectPage(await press(client, page, { code: lost.code() }), 401, 'Remove this second step')
    expectPage(await press(client, page, { code: kept.code() }), 200, 'Second steps')
  })

  it('the only one goes with a code to the address', async () => {
    const { person, client } = await somebody()
    const phone = await authenticatorOf(house.ctx, person.user_id)
    const page = await removal(client, phone.id)
    expectPage(await press(client, page, { code: phone.code() }), 401, 'Remove this second step')
    const sent = await send(client, page)
    const { code } = await inbox.letter(person.email)
    expectPage(await press(client, sent, { code }), 200, 'Second steps')
    expectPage(await signIn(house.server.client(), person), 200, 'Your account')
  })

  it("somebody else's is not there", async () => {
    const [one, two] = [await somebody(), await somebody()]
    const phone = await authenticatorOf(house.ctx, one.person.user_id)
    expect((await two.client.get(`/account/factors/remove/totp/${phone.id}`)).status).toBe(404)
    expect((await one.client.get(`/account/factors/remove/sms/${phone.id}`)).status).toBe(404)
    expect((await one.client.get('/account/factors/remove/totp/x')).status).toBe(404)
  })
})

describe('backup codes', () => {
  it('MF-4: are shown once, can be saved as a file, and only codes go into it', async () => {
    const { client } = await somebody()
    const shown = await press(client, await open(client, '/account/factors/backup-codes'))
    const codes = [...shown.body.matchAll(/<li><code>([0-9a-z-]+)<\/code>/g)].map(([, code]) => code ?? '')
    expect(codes).toHaveLength(10)
    const file = await client.submit(shown)
    expect(file.headers['content-type']).toBe('text/plain; charset=utf-8')
    expect(file.headers['content-disposition']).toBe('attachment; filename="backup-codes.txt"')
    for (const code of codes) expect(file.body).toContain(code)
    const other = await client.submit(shown, { codes: '<script>alert(1)</script> anything' })
    expect(other.body).not.toContain('script')
    expect(other.body).not.toContain('anything')
    const again = await open(client, '/account/factors/backup-codes')
    for (const code of codes) expect(again.body).not.toContain(code)
  })
})
