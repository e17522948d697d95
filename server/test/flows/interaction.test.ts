/** A sign-in in progress: several at once, left, come back to, too late, somewhere else (security rule AZ-12). */
import { beforeAll, describe, expect, it } from 'vitest'
import {
  answerOf,
  type App,
  ask,
  authorizePath,
  decide,
  errorIdOf,
  expectCode,
  expectPage,
  expectRefusal,
  finish,
  type House,
  interactionOf,
  openHouse,
  type Person,
  signIn,
  signInOn,
  typePassword,
} from '../support/flow.ts'
import { codeRow, decisionOf, sessionRow } from '../support/written.ts'
import type { Reply } from '../support/http.ts'

let house: House
let ada: Person
let app: App
let other: App

beforeAll(async () => {
  house = await openHouse()
  ada = await house.person()
  app = await house.app()
  other = await house.app({ first_party: true })
})

const issuer = (): string => house.server.issuer

const rowOf = async (id: string) =>
  (
    await house.sql<{ completed_at: Date | null; expires_at: Date; created_at: Date; refused: boolean }[]>`
      select completed_at, expires_at, created_at, refused from interactions where id = ${id}`
  )[0]

const expire = async (page: Reply): Promise<void> => {
  const id = interactionOf(page)
  const moved = await house.sql`
    update interactions set created_at = created_at - interval '1 hour', expires_at = now() - interval '1 second' where id = ${id} returning 1`
  expect(moved).toHaveLength(1)
}

describe('several tabs', () => {
  it('go their own ways: each ends with its own code, state and application, in any order', async () => {
    const client = house.server.client()
    const first = await ask(client, app, { state: 'one' })
    const second = await ask(client, other, { state: 'two' })
    const third = await ask(client, app, { state: 'three', scope: 'openid email' })
    expect(new Set([first, second, third].map(interactionOf)).size).toBe(3)
    const ends = [
      await finish(client, third, ada),
      await finish(client, await client.walk(client.get(`/oauth/continue?interaction=${interactionOf(first)}`)), ada),
      await finish(client, await client.walk(client.get(`/oauth/continue?interaction=${interactionOf(second)}`)), ada),
    ]
    expect(ends.map((end) => answerOf(end).state)).toEqual(['three', 'one', 'two'])
    const rows = await Promise.all(ends.map(async (end) => await codeRow(house.sql, answerOf(end).code ?? '')))
    expect(rows.map((row) => [row?.client_id, row?.scope])).toEqual([
      [app.client_id, 'openid email'],
      [app.client_id, 'openid'],
      [other.client_id, 'openid'],
    ])
  })

  it('the sign-in form of a second tab still works after the first has signed in, for another person too', async () => {
    const client = house.server.client()
    const bob = await house.person()
    const [one, two] = [await ask(client, other), await ask(client, other, { state: 'two' })]
    expectCode(await signInOn(client, one, ada), other, issuer())
    const code = answerOf(await signInOn(client, two, bob)).code ?? ''
    expect((await codeRow(house.sql, code))?.user_id).toBe(bob.user_id)
  })

  it('at once: parallel requests of a new browser each get an attempt that can be finished', async () => {
    const client = house.server.client()
    await client.get('/login')
    const pages = await Promise.all([1, 2, 3, 4].map(async () => await ask(client, other)))
    for (const page of pages) {
      const reply = await client.walk(client.get(page.url))
      expectCode(await finish(client, reply, ada), other, issuer())
    }
  })
})

describe('the back button', () => {
  it('after the end: every page of the attempt says that it is finished, and nothing is issued again', async () => {
    const client = house.server.client()
    const login = await ask(client, app)
    const consent = await signInOn(client, login, ada)
    const page = consent.url.pathname === '/consent' ? consent : await ask(client, app, { prompt: 'consent' })
    expectCode(await decide(client, page, 'allow'), app, issuer())
    const codes = async () =>
      (await house.sql`select 1 from authorization_codes where client_id = ${app.client_id}`).length
    const before = await codes()
    for (const path of ['/login', '/consent', '/select-account', '/oauth/continue']) {
      const again = await client.get(`${path}?interaction=${interactionOf(login)}`)
      expectPage(again, 400, /./)
      const decision = await decisionOf(house.sql, errorIdOf(again))
      expect(decision).toMatchObject({
        error: 'invalid_interaction',
        route: path,
        expected: 'an attempt that is not finished',
      })
      expect(again.body).toContain('Go back to the application and start again')
    }
    expectPage(await typePassword(client, login, ada.email, ada.password), 400, /./)
    expectPage(await client.submit(page, {}, { button: { name: 'decision', value: 'allow' } }), 400, /./)
    expect(await codes()).toBe(before)
  })

  it('to the request itself: a session answers at once', async () => {
    const client = house.server.client()
    const path = authorizePath(other)
    expectCode(await finish(client, await client.walk(client.get(path)), ada), other, issuer())
    expectCode(await client.get(path), other, issuer())
  })

  it('during the attempt: the sign-in page again, and a second sign-in goes on like the first', async () => {
    const client = house.server.client()
    const fresh = await house.person()
    const login = await ask(client, app)
    await signInOn(client, login, fresh)
    const back = await client.get(login.url)
    const consent = await signInOn(client, back, fresh)
    expectPage(consent, 200, 'Allow access')
    expectCode(await decide(client, consent, 'allow'), app, issuer())
  })

  it('back to the application from the sign-in page: access_denied, and the attempt is over', async () => {
    const client = house.server.client()
    const login = await ask(client, app)
    const back = await client.walk(client.submit(login, {}, { button: { name: 'cancel' } }))
    const decision = await decisionOf(house.sql, expectRefusal(back, app, 'access_denied'))
    expect(decision.client_id).toBe(app.client_id)
    expect(await rowOf(interactionOf(login))).toMatchObject({
      refused: true,
      completed_at: expect.any(Date) as unknown,
    })
    expectPage(await typePassword(client, login, ada.email, ada.password), 400, /./)
  })
})

describe('too late', () => {
  it('lives for half an hour', async () => {
    const row = await rowOf(interactionOf(await ask(house.server.client(), app)))
    expect(Number(row?.expires_at) - Number(row?.created_at)).toBe(1_800_000)
  })

  it.each(['open the sign-in page', 'send the sign-in form', 'go on'])(
    '%s after the end: the attempt begins anew, says so, and leads back to the application',
    async (way) => {
      const client = house.server.client()
      const login = await ask(client, other, { state: 'kept', nonce: 'kept too' })
      await expire(login)
      const moves = {
        'open the sign-in page': async () => await client.get(login.url),
        'send the sign-in form': async () => await typePassword(client, login, ada.email, ada.password),
        'go on': async () => await client.get(`/oauth/continue?interaction=${interactionOf(login)}`),
      }
      const again = await client.walk(moves[way as keyof typeof moves]())
      expectPage(again, 200, 'Sign in')
      expect(again.body).toContain('Let’s start again')
      expect(interactionOf(again)).not.toBe(interactionOf(login))
      expect(await sessionRow(house.sql, client)).toBeUndefined()
      const end = answerOf(await signInOn(client, again, ada))
      expect(end).toMatchObject({ state: 'kept', iss: issuer() })
      expect((await codeRow(house.sql, end.code ?? ''))?.nonce).toBe('kept too')
    },
  )

  it('on the consent page: anew, and an answer that came too late is not kept', async () => {
    const client = house.server.client()
    const person = await house.person()
    const consent = await signInOn(client, await ask(client, app), person)
    await expire(consent)
    const again = await decide(client, consent, 'allow')
    expectPage(again, 200, 'Allow access')
    expect(interactionOf(again)).not.toBe(interactionOf(consent))
    expect(await house.sql`select 1 from consents where user_id = ${person.user_id}`).toHaveLength(0)
    expectCode(await decide(client, again, 'allow'), app, issuer())
  })

  it('a proof does not move over to the new attempt', async () => {
    const client = house.server.client()
    await signIn(client, ada)
    const page = await ask(client, other, { prompt: 'login' })
    const answer = await typePassword(client, page, ada.email, ada.password)
    expect(answer.location?.pathname).toBe('/oauth/continue')
    await expire(page)
    expectPage(await client.walk(answer), 200, /Confirm/)
  })
})

describe('somewhere else', () => {
  it.each(['/login', '/consent', '/select-account', '/oauth/continue'])(
    '%s in another browser is 400, signed in there or not, and the attempt stays good where it began',
    async (path) => {
      const [client, stranger, neighbour] = [house.server.client(), house.server.client(), house.server.client()]
      const page = await ask(client, other)
      await signIn(neighbour, await house.person())
      for (const browser of [stranger, neighbour]) {
        const reply = await browser.get(`${path}?interaction=${interactionOf(page)}`)
        expectPage(reply, 400, /./)
        expect(await decisionOf(house.sql, errorIdOf(reply))).toMatchObject({
          error: 'invalid_interaction',
          expected: 'the browser in which it began',
        })
      }
      expectCode(await signInOn(client, page, ada), other, issuer())
    },
  )

  it('its form, sent from another browser, is refused before the password is looked at', async () => {
    const [client, stranger] = [house.server.client(), house.server.client()]
    const page = await ask(client, other)
    await stranger.get('/login')
    const reply = await typePassword(stranger, page, ada.email, ada.password)
    expectPage(reply, 403, /./)
    expect(await sessionRow(house.sql, stranger)).toBeUndefined()
  })

  it.each(['x', ' ', '00000000-0000-7000-8000-000000000000', "' or 1=1 --", '../login'])(
    'an attempt named %j that never was leads nowhere',
    async (id) => {
      const client = house.server.client()
      for (const path of ['/login', '/consent', '/oauth/continue']) {
        const reply = await client.get(`${path}?interaction=${encodeURIComponent(id)}`)
        expectPage(reply, 400, /./)
      }
    },
  )
})

describe('what changed meanwhile', () => {
  it('a client that was disabled, or whose redirect_uri was taken away, gets no answer', async () => {
    for (const change of [
      async (id: string) => await house.sql`update clients set status = 'disabled' where client_id = ${id}`,
      async (id: string) =>
        await house.sql`update clients set redirect_uris = '{https://new.example/}' where client_id = ${id}`,
    ]) {
      const client = house.server.client()
      const own = await house.app({ first_party: true })
      const page = await ask(client, own)
      await change(own.client_id)
      await expect
        .poll(async () => (await client.get(`/oauth/continue?interaction=${interactionOf(page)}`)).status, {
          timeout: 3000,
        })
        .toBe(400)
      expectPage(await signInOn(client, page, ada), 400, /./)
    }
  })
})
