/** How much an application may ask of the person, and how little (OpenID Connect Core §3.1.2.1). */
import { beforeAll, describe, expect, it } from 'vitest'
import {
  answerOf,
  type App,
  ask,
  askSilently,
  authorizePath,
  decide,
  expectCode,
  expectPage,
  expectRefusal,
  finish,
  type House,
  interactionOf,
  obtain,
  openHouse,
  payloadOf,
  type Person,
  redeem,
  requestOf,
  signIn,
  signInOn,
} from '../support/flow.ts'
import { codeRow, decisionOf, moveSession, sessionRow } from '../support/written.ts'
import type { HttpClient } from '../support/http.ts'

let house: House
let ada: Person
let bob: Person
/** Has to ask for consent. */
let app: App
/** Has not. */
let own: App

beforeAll(async () => {
  house = await openHouse()
  ada = await house.person()
  bob = await house.person()
  app = await house.app()
  own = await house.app({ first_party: true })
})

const signedIn = async (person: Person): Promise<HttpClient> => {
  const client = house.server.client()
  await signIn(client, person)
  return client
}

const interactions = async (): Promise<number> =>
  Number((await house.sql`select count(*) as n from interactions`)[0]?.n ?? 0)

const secondsOf = (token: string): number => Number(payloadOf(token).auth_time)

describe('prompt=none', () => {
  it('login_required without a session, and nothing is kept', async () => {
    const before = await interactions()
    const reply = await house.server.client().get(authorizePath(own, { prompt: 'none' }))
    const decision = await decisionOf(house.sql, expectRefusal(reply, own, 'login_required'))
    expect(decision).toMatchObject({ expected: 'a session that is fresh enough', got: 'no session' })
    expect(reply.headers['set-cookie']).toBeUndefined()
    expect(await interactions()).toBe(before)
  })

  it('consent_required with a session and without a consent; then with a consent the code', async () => {
    const client = await signedIn(await house.person())
    expectRefusal(await client.get(authorizePath(app, { prompt: 'none' })), app, 'consent_required')
    const page = await ask(client, app)
    expectCode(await decide(client, page, 'allow'), app, house.server.issuer)
    expectCode(await client.get(authorizePath(app, { prompt: 'none' })), app, house.server.issuer)
    const wider = authorizePath(app, { prompt: 'none', scope: 'openid email' })
    expectRefusal(await client.get(wider), app, 'consent_required')
  })

  it('never a page, whatever else the request asks for', async () => {
    const client = await signedIn(ada)
    const requests = [
      { max_age: '0' },
      { scope: 'openid email profile' },
      { login_hint: bob.email },
      { acr_values: 'aal3' },
      { ui_locales: 'de' },
      { display: 'popup' },
      { response_mode: 'fragment' },
    ]
    const before = await interactions()
    for (const browser of [client, house.server.client()]) {
      for (const more of requests) {
        const posted = await browser.post('/oauth/authorize', requestOf(app, { prompt: 'none', ...more }))
        const back = await browser.walk(posted)
        expect([back.status, back.location?.origin], JSON.stringify(more)).toEqual([
          303,
          new URL(app.redirect_uri).origin,
        ])
      }
    }
    expect(await interactions()).toBe(before)
  })

  it.each(['none login', 'login none', 'none consent', 'none select_account', 'none none login'])(
    '%s is invalid_request',
    async (prompt) => {
      const client = await signedIn(ada)
      expectRefusal(await client.get(authorizePath(own, { prompt })), own, 'invalid_request')
    },
  )

  it('a disabled person is no session: login_required', async () => {
    const person = await house.person()
    const client = await signedIn(person)
    expect(await askSilently(client, own)).toBe('code')
    await house.sql`update users set status = 'disabled' where id = ${person.user_id}`
    await expect.poll(async () => await askSilently(client, own), { timeout: 2000 }).toBe('login_required')
  })
})

describe('prompt=login', () => {
  it('asks for a new proof although there is a session, and the proof is later than the request', async () => {
    const client = await signedIn(ada)
    await moveSession(house.sql, client, { auth_time: -1000 })
    const before = Math.floor(Date.now() / 1000)
    const page = await ask(client, own, { prompt: 'login' })
    expectPage(page, 200, 'Confirm that it is you')
    const reply = await signInOn(client, page, ada)
    const code = expectCode(reply, own, house.server.issuer)
    const { id_token } = (await redeem(client, own, code)).json<{ id_token: string }>()
    expect(secondsOf(id_token)).toBeGreaterThanOrEqual(before)
  })

  it('going on, reloading and coming back do not count as a proof', async () => {
    const client = await signedIn(ada)
    const page = await ask(client, own, { prompt: 'login' })
    const onward = `/oauth/continue?interaction=${interactionOf(page)}`
    for (let turn = 0; turn < 3; turn += 1) expectPage(await client.walk(client.get(onward)), 200, /Confirm/)
    const empty = await client.submit(page, { password: '' })
    expectPage(empty, 401, /Confirm/)
    expectPage(await client.walk(client.get(onward)), 200, /Confirm/)
    await finish(client, page, ada)
    // Back in the history, to the request itself: asked anew.
    expectPage(await ask(client, own, { prompt: 'login' }), 200, /Confirm/)
  })

  it('a proof that was given before the request in another tab does not count', async () => {
    const client = house.server.client()
    const other = await ask(client, own)
    await signInOn(client, other, ada)
    expectPage(await ask(client, own, { prompt: 'login' }), 200, /Confirm/)
  })

  it('whoever signs in then is who the code is of', async () => {
    const client = await signedIn(ada)
    const page = await ask(client, own, { prompt: 'login' })
    const code = expectCode(await signInOn(client, page, bob), own, house.server.issuer)
    expect((await codeRow(house.sql, code))?.user_id).toBe(bob.user_id)
  })

  it('login consent: both, in this order', async () => {
    const client = house.server.client()
    await obtain(client, app, ada)
    const page = await ask(client, app, { prompt: 'login consent' })
    const consent = await signInOn(client, page, ada)
    expectPage(consent, 200, 'Allow access')
    expectCode(await decide(client, consent, 'allow'), app, house.server.issuer)
  })
})

describe('max_age', () => {
  /** A session that is 100 seconds old, also in the server's own copy. */
  const aged = async (): Promise<HttpClient> => {
    const client = await signedIn(await house.person())
    await moveSession(house.sql, client, { auth_time: -100 })
    await expect
      .poll(async () => await askSilently(client, own, { max_age: '99' }), { timeout: 3000 })
      .toBe('login_required')
    return client
  }

  it('above the age of the session: the session is good, and auth_time is that of the session', async () => {
    const client = await aged()
    const reply = await client.get(authorizePath(own, { max_age: '160' }))
    const code = expectCode(reply, own, house.server.issuer)
    const { id_token } = (await redeem(client, own, code)).json<{ id_token: string }>()
    const session = await sessionRow(house.sql, client)
    expect(secondsOf(id_token)).toBe(Math.floor((session?.auth_time.getTime() ?? 0) / 1000))
  })

  it('below it: a new proof, whose auth_time is in the ID token', async () => {
    const person = await house.person()
    const client = await signedIn(person)
    await moveSession(house.sql, client, { auth_time: -100 })
    await expect.poll(async () => (await ask(client, own, { max_age: '99' })).status, { timeout: 3000 }).toBe(200)
    const page = await ask(client, own, { max_age: '99' })
    const before = Math.floor(Date.now() / 1000)
    const code = expectCode(await signInOn(client, page, person), own, house.server.issuer)
    const { id_token } = (await redeem(client, own, code)).json<{ id_token: string }>()
    expect(secondsOf(id_token)).toBeGreaterThanOrEqual(before)
  })

  it('0 is a new proof each time, and the proof is enough once', async () => {
    const person = await house.person()
    const client = await signedIn(person)
    for (let turn = 0; turn < 2; turn += 1) {
      const page = await ask(client, own, { max_age: '0' })
      expectCode(await signInOn(client, page, person), own, house.server.issuer)
    }
  })

  it('default_max_age of the client holds where the request says nothing', async () => {
    const client = await aged()
    const strict = await house.app({ first_party: true })
    await house.sql`update clients set default_max_age = 99 where client_id = ${strict.client_id}`
    expect(await askSilently(client, strict)).toBe('login_required')
    expect(await askSilently(client, strict, { max_age: '160' })).toBe('code')
  })
})

describe('prompt=consent', () => {
  it('asks although the person has allowed it before, of a first-party application too', async () => {
    const client = await signedIn(ada)
    for (const one of [app, own]) {
      await finish(client, await ask(client, one), ada)
      const page = await ask(client, one, { prompt: 'consent' })
      expectPage(page, 200, 'Allow access')
      expect(answerOf(await decide(client, page, 'deny')).error).toBe('access_denied')
      expect(await askSilently(client, one)).toBe('code')
    }
  })
})
