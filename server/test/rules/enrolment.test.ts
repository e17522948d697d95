/** What a sign-in that needs more than it has asks for: rules MF-1, MF-4, AZ-12, LI-2 (security.md 1.1, 1.4). */
import { Secret, TOTP } from 'otpauth'
import { beforeAll, describe, expect, it } from 'vitest'
import { authenticatorOf, chooseCodes, someNumber } from '../support/factors.ts'
import {
  answerOf,
  type App,
  ask,
  expectPage,
  type House,
  openHouse,
  payloadOf,
  type Person,
  redeem,
  signInOn,
} from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { inboxOf, type TestInbox } from '../support/inbox.ts'
import { eventsOf } from '../support/written.ts'

let house: House
let inbox: TestInbox

beforeAll(async () => {
  house = await openHouse({ env: { KEYWRIGHT_ACR: 'aal2' } })
  inbox = inboxOf(house.server)
})

const firstStep = async (client: HttpClient, person: Person): Promise<Reply> =>
  await signInOn(client, await client.get('/login'), person)

const send = async (client: HttpClient, page: Reply, values: Record<string, string> = {}): Promise<Reply> =>
  await client.walk(client.submit(page, values, { button: { name: 'send' } }))

const press = async (client: HttpClient, page: Reply, values: Record<string, string> = {}): Promise<Reply> =>
  await client.walk(client.submit(page, values))

const provedMail = async (client: HttpClient, person: Person): Promise<Reply> => {
  const page = await firstStep(client, person)
  expectPage(page, 200, 'Confirm your email address')
  const sent = await send(client, page)
  const { code } = await inbox.letter(person.email, { kind: 'factor_code' })
  return await press(client, sent, { code })
}

/** Chooses a kind on the page that offers them. */
const choose = async (client: HttpClient, page: Reply, kind: string): Promise<Reply> => {
  expectPage(page, 200, 'Set up a second step')
  return await client.get(`${page.url.pathname}${page.url.search}&kind=${kind}`)
}

const appOf = (page: Reply): TOTP =>
  new TOTP({
    secret: Secret.fromBase32(
      /<code class="secret"[^>]*>([A-Z2-7 ]+)</.exec(page.body)?.[1]?.replaceAll(' ', '') ?? '',
    ),
  })

const sessionsOf = async (person: Person): Promise<{ acr: string; amr: string[] }[]> =>
  await house.sql`select acr, amr from sessions where user_id = ${person.user_id} and ended_at is null`

const onwards = async (client: HttpClient, page: Reply): Promise<Reply> => {
  expectPage(page, 200, 'Backup codes')
  const href = /class="button primary" href="([^"]*)"/.exec(page.body)?.[1]?.replaceAll('&amp;', '&') ?? ''
  return await client.walk(client.get(href))
}

describe('MF-1: a second step is demanded and none is there', () => {
  it.each([
    [99, 'Set up a second step'],
    [100, 'Confirm your email address'],
  ])('MF-2: after %i wrong codes in a row, whatever sign-in they were typed in: %s', async (wrong, title) => {
    const person = await house.person()
    const client = house.server.client()
    const sent = await send(client, await firstStep(client, person))
    const { code } = await inbox.letter(person.email, { kind: 'factor_code' })
    await house.sql`
      insert into factor_throttles (user_id, kind, consecutive, failures, blocked_until, updated_at)
      values (${person.user_id}, 'email', ${wrong}, ${wrong}, 'epoch', now())`
    expectPage(await press(client, sent, { code }), wrong === 100 ? 429 : 200, title)
    const counted = await house.sql`select consecutive from factor_throttles where user_id = ${person.user_id}`
    expect(counted).toEqual(wrong === 100 ? [{ consecutive: 100 }] : [])
  })

  it('the address is proved by a mailed code first; only then may one be set up, which completes the sign-in', async () => {
    const person = await house.person()
    const client = house.server.client()
    const page = await firstStep(client, person)
    expectPage(page, 200, 'Confirm your email address')
    const sign_in = page.url.searchParams.get('sign_in') ?? ''
    for (const path of ['/factor/enrol', '/factor/enrol?kind=totp', '/factor']) {
      const reply = await client.get(`${path}${path.includes('?') ? '&' : '?'}sign_in=${sign_in}`)
      expect(reply.location?.pathname, path).toBe('/factor/mail')
    }
    expect(await inbox.letters(person.email)).toEqual([])
    const sent = await send(client, page)
    const { code } = await inbox.letter(person.email, { kind: 'factor_code' })
    expectPage(
      await press(client, sent, { code: code === '000000' ? '000001' : '000000' }),
      401,
      'Confirm your email address',
    )
    const set = await choose(client, await press(client, sent, { code }), 'totp')
    expect(await sessionsOf(person)).toEqual([])
    const app = appOf(set)
    expectPage(await press(client, set, { code: '000000' }), 401, 'Set up an authenticator app')
    const codes = await press(client, set, { code: app.generate() })
    expect(codes.body.match(/<li><code>/g)).toHaveLength(10)
    expect(await sessionsOf(person)).toEqual([{ acr: 'aal2', amr: ['pwd', 'otp', 'mfa'] }])
    const file = await client.submit(codes)
    expect(file.headers['content-type']).toBe('text/plain; charset=utf-8')
    expectPage(await onwards(client, codes), 200, 'Your account')
    const events = (await eventsOf(house.sql, person)).map((one) => one.type)
    expect(events).toEqual(expect.arrayContaining(['factor.added', 'backup_codes.made', 'login.succeeded']))
    expectPage(await firstStep(house.server.client(), person), 200, 'Confirm that it is you')
  })

  it('in the flow of an application the ID token tells what was proved', async () => {
    const app: App = await house.app({ first_party: true })
    const person = await house.person()
    const client = house.server.client()
    const page = await signInOn(client, await ask(client, app), person)
    const sent = await send(client, page)
    const { code } = await inbox.letter(person.email, { kind: 'factor_code' })
    const set = await choose(client, await press(client, sent, { code }), 'totp')
    const answer = await onwards(client, await press(client, set, { code: appOf(set).generate() }))
    const tokens = await redeem(client, app, answerOf(answer).code ?? '')
    const token = payloadOf(tokens.json<{ id_token: string }>().id_token)
    expect(token).toMatchObject({ acr: 'aal2', amr: ['pwd', 'otp', 'mfa'] })
  })

  it('text messages: the number is proved by a code', async () => {
    const person = await house.person()
    const client = house.server.client()
    const page = await choose(client, await provedMail(client, person), 'sms')
    const number = someNumber()
    const sent = await send(client, page, { phone: number })
    expectPage(await press(client, sent, { code: '000000' }), 401, 'Codes by text message')
    const { code } = await inbox.letter(number)
    expectPage(await onwards(client, await press(client, sent, { code })), 200, 'Your account')
    expect(await sessionsOf(person)).toEqual([{ acr: 'aal2', amr: ['pwd', 'sms', 'mfa'] }])
  })

  it('codes by mail: the address was proved a moment ago', async () => {
    const person = await house.person()
    const client = house.server.client()
    const page = await choose(client, await provedMail(client, person), 'email')
    expectPage(await onwards(client, await press(client, page)), 200, 'Your account')
    expectPage(await firstStep(house.server.client(), person), 200, 'Confirm that it is you')
  })

  it('MF-3: the code that proves the address is no second step, and that of a second step proves no address', async () => {
    const person = await house.person()
    const client = house.server.client()
    const page = await send(client, await firstStep(client, person))
    const { code } = await inbox.letter(person.email, { kind: 'factor_code' })
    await chooseCodes(house.ctx, person.user_id, { channel: 'email', destination: person.email })
    const second = await client.walk(client.get(`/factor?${page.url.searchParams.toString()}`))
    expectPage(second, 200, 'Confirm that it is you')
    expectPage(await press(client, second, { kind: 'email', code }), 401, 'Confirm that it is you')
  })

  it('AZ-12: a factor that was set up elsewhere meanwhile is asked for, and no further one can be set up', async () => {
    const person = await house.person()
    const client = house.server.client()
    const set = await choose(client, await provedMail(client, person), 'totp')
    const app = appOf(set)
    await authenticatorOf(house.ctx, person.user_id)
    const reply = await client.submit(set, { code: app.generate() })
    expect([reply.status, reply.location?.pathname]).toEqual([303, '/factor'])
    const rows = await house.sql`
      select 1 from totp_factors where user_id = ${person.user_id} and confirmed_at is not null`
    expect(rows.length).toBe(1)
  })

  it('without a proved address an administrator has to help, and the page says so', async () => {
    const person = await house.person({ email_verified: false })
    const client = house.server.client()
    const page = await firstStep(client, person)
    expectPage(page, 403, 'Somebody has to help you here')
    const back = await client.walk(client.submit(page, {}, { button: { name: 'cancel' } }))
    expectPage(back, 200, 'Sign in')
  })

  it('a sign-in by mail needs it as much as one by password', async () => {
    const person = await house.person()
    const client = house.server.client()
    const login = await client.get('/login')
    const form = login.forms.find((one) => one.buttons.some((button) => button.name === 'email_code')) ?? login.forms[0]
    const asked = await client.walk(
      client.post('/login/email', [
        ...(form?.fields ?? []).map((field): [string, string] => [field.name, field.value]),
        ['login', person.email],
      ]),
    )
    const { code } = await inbox.letter(person.email, { kind: 'sign_in' })
    const second = await press(client, asked, { code })
    // The password is the other factor that this person has.
    expectPage(second, 200, 'Confirm that it is you')
    expect(await sessionsOf(person)).toEqual([])
    expectPage(await press(client, second, { code: 'not the password' }), 401, 'Confirm that it is you')
    expectPage(await press(client, second, { code: person.password }), 200, 'Your account')
    expect(await sessionsOf(person)).toEqual([{ acr: 'aal2', amr: ['otp', 'pwd', 'mfa'] }])
  })
})

describe('MF-1: a role demands it', () => {
  it('of whoever holds it, and of nobody else', async () => {
    const usual = await openHouse()
    await usual.sql`update roles set acr = 'aal2' where name = 'admin'`
    const [admin, other] = [await usual.person({ roles: ['admin'] }), await usual.person()]
    const clients = [usual.server.client(), usual.server.client()] as const
    expectPage(await firstStep(clients[0], admin), 200, 'Confirm your email address')
    expectPage(await firstStep(clients[1], other), 200, 'Your account')
  })
})

describe('what an account has to do', () => {
  const required = async (actions: string, usual: House, registration = {}): Promise<Person> => {
    const person = await usual.person(registration)
    await usual.sql`update users set required_actions = ${actions}::text[] where id = ${person.user_id}`
    return person
  }
  let usual: House
  let letters: TestInbox
  beforeAll(async () => {
    usual = await openHouse()
    letters = inboxOf(usual.server)
  })
  const actionsOf = async (person: Person): Promise<string[]> => {
    const [row] = await usual.sql<{ required_actions: string[] }[]>`
      select required_actions from users where id = ${person.user_id}`
    return row?.required_actions ?? []
  }

  it('change_password: another one by the policy; then the sign-in goes on with it', async () => {
    const person = await required('{change_password}', usual)
    const client = usual.server.client()
    const page = await firstStep(client, person)
    expectPage(page, 200, 'Choose a new password')
    expect(await usual.sql`select 1 from sessions where user_id = ${person.user_id}`).toHaveLength(0)
    expectPage(await press(client, page, { password: 'short' }), 422, 'Choose a new password')
    expectPage(await press(client, page, { password: person.password }), 422, 'Choose a new password')
    const password = 'seven green bottles on a wall'
    expectPage(await press(client, page, { password }), 200, 'Your account')
    expect(await actionsOf(person)).toEqual([])
    expect((await letters.letter(person.email, { kind: 'password_changed' })).link).toContain('/not-me?token=')
    expectPage(await firstStep(usual.server.client(), { ...person, password }), 200, 'Your account')
    const types = (await eventsOf(usual.sql, person)).map((one) => one.type)
    expect(types).toContain('user.password_changed')
  })

  it('verify_email: a code to the address', async () => {
    const person = await required('{verify_email}', usual, { email_verified: false })
    const client = usual.server.client()
    const page = await firstStep(client, person)
    expectPage(page, 200, 'Confirm your email address')
    const sent = await send(client, page)
    const { code } = await letters.letter(person.email)
    expectPage(await press(client, sent, { code }), 200, 'Your account')
    const [row] = await usual.sql`select email_verified, required_actions from users where id = ${person.user_id}`
    expect(row).toEqual({ email_verified: true, required_actions: [] })
  })

  it('enrol_factor: the way of MF-1; whoever has one has done it', async () => {
    const person = await required('{enrol_factor}', usual)
    const client = usual.server.client()
    const page = await send(client, await firstStep(client, person))
    const { code } = await letters.letter(person.email)
    const set = await choose(client, await press(client, page, { code }), 'totp')
    expectPage(await onwards(client, await press(client, set, { code: appOf(set).generate() })), 200, 'Your account')
    expect(await actionsOf(person)).toEqual([])
    const other = await required('{enrol_factor}', usual)
    const phone = await authenticatorOf(usual.ctx, other.user_id)
    const later = usual.server.client()
    const second = await firstStep(later, other)
    expectPage(await press(later, second, { code: phone.code() }), 200, 'Your account')
  })

  it('several, one after the other, and none can be left out', async () => {
    const person = await required('{change_password,enrol_factor}', usual)
    const client = usual.server.client()
    const page = await firstStep(client, person)
    expectPage(page, 200, 'Choose a new password')
    const sign_in = page.url.searchParams.get('sign_in') ?? ''
    expect((await client.get(`/factor/enrol?sign_in=${sign_in}`)).location?.pathname).toBe('/factor/action')
    const next = await press(client, page, { password: 'another wall of green bottles' })
    expectPage(next, 200, 'Confirm your email address')
  })
})
