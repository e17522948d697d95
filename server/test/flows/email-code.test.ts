/** Sign-in by mail: security rules RC-1, MF-3, LI-1, LI-5, SO-2, MF-1 (security.md 1.4). */
import { beforeAll, describe, expect, it } from 'vitest'
import { askForCode, letterPath, resend, typeCode } from '../support/entry.ts'
import { authenticatorOf } from '../support/factors.ts'
import {
  answerOf,
  type App,
  ask,
  expectPage,
  type House,
  openHouse,
  payloadOf,
  type Person,
  signIn,
  redeem,
} from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { inboxOf, type ReceivedLetter, type TestInbox } from '../support/inbox.ts'

let house: House
let inbox: TestInbox
let app: App

beforeAll(async () => {
  house = await openHouse()
  inbox = inboxOf(house.server)
  app = await house.app({ first_party: true })
})

const asked = async (person: Person): Promise<{ client: HttpClient; page: Reply; letter: ReceivedLetter }> => {
  const client = house.server.client()
  const page = await askForCode(client, person.email)
  return { client, page, letter: await inbox.letter(person.email, { kind: 'sign_in' }) }
}

describe('the code', () => {
  it('signs in where it was asked for, within the request of an application, and the token tells how', async () => {
    const person = await house.person()
    const client = house.server.client()
    const page = await askForCode(client, person.email, await ask(client, app))
    expectPage(page, 200, 'Look at your mail')
    const { code } = await inbox.letter(person.email)
    const answer = await typeCode(client, page, code)
    const tokens = (await redeem(client, app, answerOf(answer)['code'] ?? '')).json<{ id_token: string }>()
    expect(payloadOf(tokens.id_token)).toMatchObject({ amr: ['otp'], acr: 'aal1', sub: person.user_id })
  })

  it('MF-3: five tries, then a new one is needed', async () => {
    const person = await house.person()
    const { client, page, letter } = await asked(person)
    const wrong = letter.code === '000000' ? '000001' : '000000'
    for (let tries = 0; tries < 4; tries += 1) expect((await typeCode(client, page, wrong)).status).toBe(401)
    expect((await typeCode(client, page, wrong)).body).toContain('This code does not work any more')
    await house.sql`delete from login_throttles`
    expect((await typeCode(client, page, letter.code)).status).toBe(401)
    const again = await resend(client, page)
    const newer = await inbox.letter(person.email, { after: letter })
    expectPage(await typeCode(client, again, newer.code), 200, 'Your account')
  })

  it('is worth nothing in another browser', async () => {
    const person = await house.person()
    const { page, letter } = await asked(person)
    const other = house.server.client()
    await other.get('/login')
    const id = page.url.searchParams.get('id') ?? ''
    const own = await askForCode(other, 'nobody-here@example.com')
    const csrf = own.forms[0]?.fields.find(({ name }) => name === 'csrf')?.value ?? ''
    const reply = await other.post('/login/code', { csrf, id, code: letter.code }, { origin: house.server.issuer })
    expect(reply.status).toBe(403)
    expect((await other.get(`/login/code?id=${id}`)).status).toBe(400)
  })

  it('LI-5: counts where passwords count, by address and by user name', async () => {
    const person = await house.person({ username: 'has_two_names' })
    for (const login of [person.email, 'has_two_names']) {
      const client = house.server.client()
      const page = await askForCode(client, login)
      for (let tries = 0; tries < 3; tries += 1) await typeCode(client, page, '000000')
    }
    const client = house.server.client()
    const reply = await client.submit(await client.get('/login'), { login: person.email, password: 'a wrong guess' })
    expect(reply.status).toBe(429)
    const letter = await inbox.letter(person.email)
    // A right code waits as well: else it would be guessed at in a browser after the other.
    const page = await askForCode(client, person.email)
    const { code } = await inbox.letter(person.email, { after: letter })
    expect((await typeCode(client, page, code)).status).toBe(429)
    const link = await client.submit(await client.get(letterPath(letter)))
    expect(link.status, 'the link stays open').toBe(303)
  })

  it('RL-1: a right one is no failure, and takes nothing back of what strangers failed before', async () => {
    const person = await house.person()
    const stranger = house.server.client()
    const guess = async (): Promise<number> =>
      (await stranger.submit(await stranger.get('/login'), { login: person.email, password: 'a wrong one' })).status
    for (let tries = 1; tries <= 4; tries += 1) expect(await guess()).toBe(401)
    const { client, page, letter } = await asked(person)
    expectPage(await typeCode(client, page, letter.code), 200, 'Your account')
    expect([await guess(), await guess()]).toEqual([401, 429])
  })

  it('a person with a second step is asked for it', async () => {
    const person = await house.person()
    const phone = await authenticatorOf(house.ctx, person.user_id)
    const { client, page, letter } = await asked(person)
    const next = await typeCode(client, page, letter.code)
    expect(next.url.pathname).toBe('/factor')
    expectPage(await client.walk(client.submit(next, { code: phone.code() })), 200, 'Your account')
  })

  it('needs a name', async () => {
    const client = house.server.client()
    const page = await askForCode(client, '')
    expect([page.status, page.body.includes('Who are you?')]).toEqual([422, true])
  })
})

describe('the link', () => {
  it('RC-1: changes nothing when it is opened, and signs in there when its button is pressed, once', async () => {
    const person = await house.person()
    const { client, letter } = await asked(person)
    const other = house.server.client()
    for (const method of ['GET', 'HEAD']) await other.request(letterPath(letter), { method })
    expect((await other.get('/account')).location?.pathname).toBe('/login')
    const page = await other.get(letterPath(letter))
    expect(page.headers['referrer-policy']).toBe('strict-origin')
    expectPage(await other.walk(other.submit(page)), 200, 'Your account')
    expect((await client.get('/account')).location?.pathname).toBe('/login')
    expectPage(await other.submit(page), 400, 'This link no longer works')
  })

  it('is dead after the password changed, the address changed, or the account was disabled', async () => {
    const changes: ((person: Person) => Promise<unknown>)[] = [
      async ({ user_id }) =>
        await house.sql`update password_credentials set changed_at = now() where user_id = ${user_id}`,
      async ({ user_id }) =>
        await house.sql`
        update users set email_canonical = ${`${user_id}@example.com`} where id = ${user_id}`,
      async ({ user_id }) => await house.sql`update users set status = 'disabled' where id = ${user_id}`,
    ]
    for (const change of changes) {
      const person = await house.person()
      const { client, letter } = await asked(person)
      const page = await client.get(letterPath(letter))
      await change(person)
      expectPage(await client.walk(client.submit(page)), 400, 'This link no longer works')
      expect(await house.sql`select 1 from sessions where user_id = ${person.user_id}`).toEqual([])
    }
  })

  it('SO-2: proves the address, and what a stranger had put into the account is gone', async () => {
    const person = await house.person({ email_verified: false })
    const stranger = house.server.client()
    await signIn(stranger, person)
    const { client, letter } = await asked(person)
    const question = await client.get(letterPath(letter))
    expect((await stranger.get('/account')).status).toBe(200)
    expectPage(await client.walk(client.submit(question)), 200, 'Your account')
    expect((await stranger.get('/account')).location?.pathname).toBe('/login')
    const reply = await stranger.submit(await stranger.get('/login'), {
      login: person.email,
      password: person.password,
    })
    expect(reply.status).toBe(401)
  })
})

describe('switched off', () => {
  it('has no button, and nothing at its addresses', async () => {
    const off = await openHouse({ env: { KEYWRIGHT_EMAIL_SIGN_IN: 'off' } })
    const client = off.server.client()
    const page = await client.get('/login')
    expect(page.body).not.toContain('/login/email')
    const fields = page.forms[0]?.fields.map(({ name, value }): [string, string] => [name, value]) ?? []
    expect((await client.post('/login/email', fields, { origin: off.server.issuer })).status).toBe(404)
    for (const path of ['/login/code?id=x', '/login/link?token=x']) expect((await client.get(path)).status).toBe(404)
  })
})
