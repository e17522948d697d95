/** Security rule MF-1 (security.md 1.4): whichever way somebody comes, the policy of factors is asked before a session begins. */
import { beforeAll, describe, expect, it } from 'vitest'
import { isDenial } from '../../src/protocol/errors.ts'
import { invite } from '../../src/signup/invitations.ts'
import { askForCode, freshAddress, goodPassword, letterPath, recover, register, typeCode } from '../support/entry.ts'
import { authenticatorOf } from '../support/factors.ts'
import { answerOf, type App, ask, expectPage, type House, openHouse, type Person, signInOn } from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { startInProcess } from '../support/in-process.ts'
import { inboxOf, type TestInbox } from '../support/inbox.ts'

let house: House
let inbox: TestInbox
let app: App

beforeAll(async () => {
  house = await openHouse({ env: { KEYWRIGHT_ACR: 'aal2', KEYWRIGHT_EMAIL_SIGN_IN: 'on' } })
  inbox = inboxOf(house.server)
  app = await house.app({ first_party: true })
})

const sessionsAt = async (email: string): Promise<{ acr: string }[]> =>
  await house.sql<{ acr: string }[]>`
    select s.acr from sessions s join users u on u.id = s.user_id where u.email_canonical = ${email} and s.ended_at is null`

/** Nothing is issued: no session, and an application is told so. */
const expectNobody = async (client: HttpClient, email: string): Promise<void> => {
  expect(await sessionsAt(email)).toEqual([])
  expect((await client.get('/api/v1/auth/session')).status).toBe(401)
  expect(answerOf(await ask(client, app, { prompt: 'none' }))).toMatchObject({ error: 'login_required' })
}

const codeTo = async (email: string, kind: string): Promise<string> => (await inbox.letter(email, { kind })).code

/** Ways to a first step by somebody who has no second one, and the page on which each of them stands then. */
const newcomers: Record<string, (client: HttpClient, email: string) => Promise<Reply>> = {
  'a registration': async (client, email) => {
    const page = await register(client, { email, name: 'Ada' })
    return await typeCode(client, page, await codeTo(email, 'verify_email'))
  },
  'an invitation': async (client, email) => {
    const made = await invite(house.ctx, { email, roles: [] })
    if (isDenial(made)) throw new Error(made.error)
    const form = await client.get(letterPath(await inbox.letter(email, { kind: 'invite' })))
    return await client.walk(client.submit(form, { name: 'Ada', password: goodPassword }))
  },
}

describe('MF-1: somebody new, where everybody needs two factors', () => {
  it.each(Object.keys(newcomers))(
    '%s proves the address: a second step is set up first, and nothing begins before',
    async (way) => {
      const client = house.server.client()
      const email = freshAddress()
      const page = await newcomers[way]?.(client, email)
      if (page === undefined) throw new Error('no such way')
      expectPage(page, 200, 'Set up a second step')
      await expectNobody(client, email)
    },
  )
})

/** Ways to a first step by somebody who has a second one. */
const known: Record<string, (client: HttpClient, person: Person) => Promise<Reply>> = {
  'a password': async (client, person) => await signInOn(client, await client.get('/login'), person),
  'a mailed code': async (client, { email }) => {
    const page = await askForCode(client, email)
    return await typeCode(client, page, await codeTo(email, 'sign_in'))
  },
  'the link of that mail': async (client, { email }) => {
    await askForCode(client, email)
    const page = await client.get(letterPath(await inbox.letter(email, { kind: 'sign_in' })))
    return await client.walk(client.submit(page))
  },
  'a new password': async (client, person) => {
    const page = await recover(client, person.email)
    const form = await typeCode(client, page, await codeTo(person.email, 'reset_password'))
    expectPage(await client.walk(client.submit(form, { password: goodPassword })), 200, 'Your password is set')
    await expectNobody(client, person.email)
    return await signInOn(client, await client.get('/login'), { ...person, password: goodPassword })
  },
}

describe('MF-1: somebody with an authenticator', () => {
  it.each(Object.keys(known))('%s begins nothing: the second step is asked for', async (way) => {
    const client = house.server.client()
    const person = await house.person()
    const phone = await authenticatorOf(house.ctx, person.user_id)
    const page = await known[way]?.(client, person)
    if (page === undefined) throw new Error('no such way')
    expectPage(page, 200, 'Confirm that it is you')
    await expectNobody(client, person.email)
    await client.walk(client.submit(page, { code: phone.code() }))
    expect(await sessionsAt(person.email)).toEqual([{ acr: 'aal2' }])
  })
})

describe('MF-1: what is no second factor', () => {
  it('codes by mail of somebody whose first step was a mailed code: they are not offered, and not taken', async () => {
    const person = await house.person()
    await house.sql`delete from password_credentials where user_id = ${person.user_id}`
    const client = house.server.client()
    const page = await typeCode(client, await askForCode(client, person.email), await codeTo(person.email, 'sign_in'))
    expectPage(page, 200, 'Set up a second step')
    expect([page.body.includes('kind=totp'), page.body.includes('kind=email')]).toEqual([true, false])
    const sign_in = page.url.searchParams.get('sign_in') ?? ''
    const app_page = await client.get(`/factor/enrol?sign_in=${sign_in}&kind=totp`)
    const csrf = app_page.forms.flatMap(({ fields }) => fields).find(({ name }) => name === 'csrf')?.value ?? ''
    const values = { csrf, sign_in, kind: 'email' }
    const forced = await client.post('/factor/enrol', values, { origin: house.server.issuer })
    expectPage(forced, 200, 'Set up a second step')
    await expectNobody(client, person.email)
  })

  it('one of a kind that the operator has switched off: it is not asked for, and another one is needed', async () => {
    const home = await startInProcess({ KEYWRIGHT_ACR: 'aal2', KEYWRIGHT_FACTORS: 'email' })
    const user = await home.user()
    await authenticatorOf(home.ctx, user.user_id)
    const client = home.server.client()
    const typed = { login: user.email, password: user.password }
    const reply = await client.submit(await client.get('/login'), typed)
    expect([reply.status, reply.location?.pathname]).toEqual([303, '/factor/mail'])
  })
})
