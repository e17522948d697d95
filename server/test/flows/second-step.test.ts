/** The second step of a sign-in and the step-up of a session: rules MF-1, MF-2, LI-3, AZ-12 (security.md 1.1, 1.4), OpenID Connect Core §2, §3.1.2.1. */
import { beforeAll, describe, expect, it } from 'vitest'
import { authenticatorOf } from '../support/factors.ts'
import {
  answerOf,
  type App,
  ask,
  askSilently,
  expectPage,
  finish,
  type House,
  openHouse,
  payloadOf,
  type Person,
  redeem,
  signInOn,
} from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'

let house: House
let app: App

beforeAll(async () => {
  house = await openHouse()
  app = await house.app({ first_party: true })
})

/** Types a password on a fresh sign-in page; the answer is the page of the second step. */
const firstStep = async (client: HttpClient, person: Person): Promise<Reply> => {
  const page = await signInOn(client, await client.get('/login'), person)
  expectPage(page, 200, 'Confirm that it is you')
  return page
}

const confirm = async (client: HttpClient, page: Reply, code: string): Promise<Reply> =>
  await client.walk(client.submit(page, { code }))

const idToken = async (client: HttpClient, answer: Reply): Promise<Record<string, unknown>> => {
  const tokens = await redeem(client, app, answerOf(answer).code ?? '')
  return payloadOf(tokens.json<{ id_token: string }>().id_token)
}

const sessionsOf = async (person: Person): Promise<{ id: string; token_hash: string; acr: string; amr: string[] }[]> =>
  await house.sql`
    select id, encode(token_hash, 'hex') as token_hash, acr, amr from sessions where user_id = ${person.user_id} and ended_at is null`

describe('a sign-in with a second step', () => {
  it('MF-1: with an authenticator a password alone begins no session; with its code one begins at aal2', async () => {
    const person = await house.person()
    const phone = await authenticatorOf(house.ctx, person.user_id)
    const client = house.server.client()
    const page = await firstStep(client, person)
    expect(await sessionsOf(person)).toEqual([])
    expect((await client.get('/account')).location?.pathname).toBe('/login')
    expect(await askSilently(client, app)).toBe('login_required')
    expectPage(await confirm(client, page, phone.code()), 200, 'Your account')
    expect(await sessionsOf(person)).toEqual([expect.objectContaining({ acr: 'aal2', amr: ['pwd', 'otp', 'mfa'] })])
  })

  it('Core §2: acr, amr and auth_time of the ID token tell what was proved', async () => {
    const person = await house.person()
    const phone = await authenticatorOf(house.ctx, person.user_id)
    const client = house.server.client()
    const page = await signInOn(client, await ask(client, app), person)
    const answer = await finish(client, await confirm(client, page, phone.code()), person)
    const token = await idToken(client, answer)
    expect(token).toMatchObject({ acr: 'aal2', amr: ['pwd', 'otp', 'mfa'] })
    expect(Math.abs(Number(token['auth_time']) - Date.now() / 1000)).toBeLessThan(5)
  })

  it('MF-2: a code is accepted once, in the window of its drift too', async () => {
    const person = await house.person()
    const phone = await authenticatorOf(house.ctx, person.user_id)
    const code = phone.code()
    const first = house.server.client()
    expectPage(await confirm(first, await firstStep(first, person), code), 200, 'Your account')
    const second = house.server.client()
    const page = await firstStep(second, person)
    for (const again of [code, phone.code(Date.now(), -1)]) {
      expectPage(await confirm(second, page, again), 401, 'Confirm that it is you')
    }
    expectPage(await confirm(second, page, phone.code(Date.now(), 1)), 200, 'Your account')
  })

  it('MF-2: five wrong codes end the sign-in, whichever code comes then', async () => {
    const person = await house.person()
    const phone = await authenticatorOf(house.ctx, person.user_id)
    const client = house.server.client()
    const page = await firstStep(client, person)
    for (let tries = 1; tries <= 5; tries += 1)
      expectPage(await confirm(client, page, '000000'), 401, 'Confirm that it is you')
    expectPage(await confirm(client, page, phone.code()), 429, 'Confirm that it is you')
    expect(await sessionsOf(person)).toEqual([])
  })

  it('MF-2, RL-1: of a hundred parallel guesses at most five are compared', async () => {
    const person = await house.person()
    await authenticatorOf(house.ctx, person.user_id)
    const client = house.server.client()
    const page = await firstStep(client, person)
    const answers = await Promise.all(
      Array.from(
        { length: 100 },
        async (_, index) => (await client.submit(page, { code: String(100_000 + index) })).status,
      ),
    )
    expect(answers.filter((status) => status === 401).length).toBe(5)
    expect(answers.filter((status) => status === 429).length).toBe(95)
  })

  it('AZ-12: the second step is taken in the browser of the first, and only once', async () => {
    const person = await house.person()
    const phone = await authenticatorOf(house.ctx, person.user_id)
    const client = house.server.client()
    const page = await firstStep(client, person)
    const stranger = house.server.client()
    expectPage(await stranger.get(page.url.pathname + page.url.search), 400, 'This page has expired')
    expectPage(await confirm(client, page, phone.code()), 200, 'Your account')
    expectPage(await confirm(client, page, phone.code(Date.now(), 1)), 400, 'This page has expired')
  })

  it('I2: a password that is changed between the steps ends the sign-in', async () => {
    const person = await house.person()
    const phone = await authenticatorOf(house.ctx, person.user_id)
    const client = house.server.client()
    const page = await firstStep(client, person)
    await house.sql`update password_credentials set changed_at = now() where user_id = ${person.user_id}`
    expectPage(await confirm(client, page, phone.code()), 400, 'This page has expired')
    expect(await sessionsOf(person)).toEqual([])
  })
})

describe('a step-up', () => {
  it('LI-3: acr_values ask for a factor within the session, which goes on under a new secret', async () => {
    const person = await house.person()
    const client = house.server.client()
    await signInOn(client, await client.get('/login'), person)
    const phone = await authenticatorOf(house.ctx, person.user_id)
    const [before] = await sessionsOf(person)
    expect(before?.acr).toBe('aal1')
    expect(await askSilently(client, app)).toBe('code')
    expect(await askSilently(client, app, { acr_values: 'aal2' })).toBe('interaction_required')
    const page = await ask(client, app, { acr_values: 'aal2' })
    expectPage(page, 200, 'Confirm that it is you')
    const answer = await confirm(client, page, phone.code())
    expect(await idToken(client, answer)).toMatchObject({ acr: 'aal2', sid: before?.id })
    const [after] = await sessionsOf(person)
    expect(after).toMatchObject({ id: before?.id, acr: 'aal2', amr: ['pwd', 'otp', 'mfa'] })
    expect(after?.token_hash).not.toBe(before?.token_hash)
    expect(await askSilently(client, app, { acr_values: 'aal2' })).toBe('code')
  })

  it('MF-4: a trusted browser does not stand in for it, and the way there is no circle', async () => {
    await house.sql`insert into roles (name, acr) values ('careful', 'aal2')`
    const person = await house.person({ roles: ['careful'] })
    const phone = await authenticatorOf(house.ctx, person.user_id)
    const client = house.server.client()
    const page = await firstStep(client, person)
    await client.walk(client.submit(page, { code: phone.code(), trust_device: '1' }))
    // As if the session had begun before anything was asked of its role.
    await house.sql`update sessions set acr = 'aal1', amr = '{pwd}' where user_id = ${person.user_id}`
    await new Promise((resolve) => setTimeout(resolve, 1100))
    expectPage(await ask(client, app), 200, 'Confirm that it is you')
    // A new sign-in there is another matter: what policy asks the trusted browser stands in for, and acr says so.
    await client.walk(client.submit(await client.get('/logout'), {}, { button: { name: 'scope', value: 'here' } }))
    const answer = await signInOn(client, await ask(client, app), person)
    expect(await idToken(client, answer)).toMatchObject({ acr: 'aal1', amr: ['pwd'] })
  })

  it('Registration §2: default_acr_values of the client ask for it too', async () => {
    const strict = await house.app({ first_party: true, default_acr_values: ['aal2'] })
    const person = await house.person()
    const client = house.server.client()
    await signInOn(client, await client.get('/login'), person)
    const phone = await authenticatorOf(house.ctx, person.user_id)
    const page = await ask(client, strict)
    expectPage(page, 200, 'Confirm that it is you')
    expect(answerOf(await confirm(client, page, phone.code()))).toHaveProperty('code')
  })
})
