/** Several people in one browser, and the choice between them (OpenID Connect Core §3.1.2.1, prompt=select_account). */
import { beforeAll, describe, expect, it } from 'vitest'
import {
  type App,
  ask,
  authorizePath,
  expectCode,
  expectPage,
  expectRefusal,
  type House,
  interactionOf,
  obtain,
  openHouse,
  type Person,
  signIn,
  signInOn,
} from '../support/flow.ts'
import { codeRow, sessionRow } from '../support/written.ts'
import type { HttpClient, Reply } from '../support/http.ts'

let house: House
let app: App
let ada: Person
let bob: Person

beforeAll(async () => {
  house = await openHouse()
  app = await house.app({ first_party: true, client_name: 'Chooser' })
  ada = await house.person({ name: 'Ada One' })
  bob = await house.person({ name: 'Bob Two' })
})

/** A browser in which both have signed in, Bob last. */
const shared = async (): Promise<HttpClient> => {
  const client = house.server.client()
  await signIn(client, ada)
  const login = await ask(client, app, { prompt: 'login' })
  await signInOn(client, login, bob)
  return client
}

const choose = async (client: HttpClient, page: Reply, session_id: string): Promise<Reply> =>
  await client.walk(client.submit(page, {}, { button: { name: 'session_id', value: session_id } }))

const choicesOf = (page: Reply): Map<string, string> =>
  new Map(page.forms[0]?.buttons.map(({ value, text }) => [text.replaceAll(/\s+/g, ' '), value]))

const idOf = (page: Reply, person: Person): string =>
  [...choicesOf(page)].find(([text]) => text.includes(person.name))?.[1] ?? ''

const personOf = async (reply: Reply): Promise<string | undefined> =>
  (await codeRow(house.sql, expectCode(reply, app, house.server.issuer)))?.user_id

describe('prompt=select_account', () => {
  it('shows everybody who is signed in in this browser, and nobody else', async () => {
    const client = await shared()
    await signIn(house.server.client(), await house.person({ name: 'Elsewhere' }))
    const page = await ask(client, app, { prompt: 'select_account' })
    expectPage(page, 200, 'Choose an account')
    expect(page.body).toContain('Chooser')
    expect([...choicesOf(page).keys()].filter((text) => /One|Two|Elsewhere/.test(text))).toHaveLength(2)
    expect(choicesOf(page).get('Use another account')).toBe('other')
  })

  it('the code is of whoever is chosen, with the instant of their own sign-in', async () => {
    const client = await shared()
    const page = await ask(client, app, { prompt: 'select_account' })
    const before = await house.sql<{ auth_time: Date }[]>`select auth_time from sessions where id = ${idOf(page, ada)}`
    const reply = await choose(client, page, idOf(page, ada))
    const row = await codeRow(house.sql, expectCode(reply, app, house.server.issuer))
    expect(row).toMatchObject({ user_id: ada.user_id, session_id: idOf(page, ada), auth_time: before[0]?.auth_time })
    const again = await ask(client, app, { prompt: 'select_account' })
    expect(await personOf(await choose(client, again, idOf(again, bob)))).toBe(bob.user_id)
  })

  it('the button back to the application refuses, and changes nobody', async () => {
    const client = await shared()
    const bobs = client.jar.get('kw_session')?.value
    const page = await ask(client, app, { prompt: 'select_account' })
    const back = await client.walk(client.submit(page, {}, { button: { name: 'cancel' } }))
    expectRefusal(back, app, 'access_denied')
    expect(client.jar.get('kw_session')?.value).toBe(bobs)
  })

  it('the browser goes on as the chosen one, under a new secret; the old cookies are worth nothing', async () => {
    const client = await shared()
    const bobs = client.jar.get('kw_session')?.value
    const page = await ask(client, app, { prompt: 'select_account' })
    await choose(client, page, idOf(page, ada))
    const adas = client.jar.get('kw_session')?.value
    expect(adas).not.toBe(bobs)
    expect((await sessionRow(house.sql, client))?.user_id).toBe(ada.user_id)
    expect(await personOf(await client.get(authorizePath(app)))).toBe(ada.user_id)
    const cookie = `kw_session=${bobs ?? ''}; kw_device=${client.jar.get('kw_device')?.value ?? ''}`
    const old = await client.get(authorizePath(app, { prompt: 'none' }), { cookie })
    expect(old.location?.searchParams.get('error')).toBe('login_required')
  })

  it('with one person too, and even with a session that just began: the choice is theirs', async () => {
    const client = house.server.client()
    await signIn(client, ada)
    const page = await ask(client, app, { prompt: 'select_account' })
    expectPage(page, 200, 'Choose an account')
    expect(await personOf(await choose(client, page, idOf(page, ada)))).toBe(ada.user_id)
  })

  it('nobody signed in: the sign-in page, and whoever signs in has chosen', async () => {
    const client = house.server.client()
    const login = await ask(client, app, { prompt: 'select_account' })
    expectPage(login, 200, 'Sign in')
    expect(await personOf(await signInOn(client, login, ada))).toBe(ada.user_id)
  })

  it('another account: the sign-in page, and the others stay signed in', async () => {
    const client = await shared()
    const page = await ask(client, app, { prompt: 'select_account' })
    const login = await choose(client, page, 'other')
    expectPage(login, 200, 'Sign in')
    const cleo = await house.person({ name: 'Cleo Three' })
    expect(await personOf(await signInOn(client, login, cleo))).toBe(cleo.user_id)
    const again = await ask(client, app, { prompt: 'select_account' })
    for (const person of [ada, bob, cleo]) expect(idOf(again, person)).not.toBe('')
  })

  it('select_account login: a chosen account has to prove itself anew', async () => {
    const client = await shared()
    const login = await ask(client, app, { prompt: 'select_account login' })
    expectPage(login, 200, /Confirm/)
    expect(await personOf(await signInOn(client, login, bob))).toBe(bob.user_id)
  })

  it('going on without choosing is not choosing', async () => {
    const client = await shared()
    const page = await ask(client, app, { prompt: 'select_account' })
    const onward = await client.walk(client.get(`/oauth/continue?interaction=${interactionOf(page)}`))
    expectPage(onward, 200, 'Choose an account')
  })
})

describe('what cannot be chosen', () => {
  it("somebody else's session in another browser: the sign-in page, and nothing of it is touched", async () => {
    const [client, elsewhere] = [await shared(), house.server.client()]
    const stranger = await house.person()
    await signIn(elsewhere, stranger)
    const theirs = await sessionRow(house.sql, elsewhere)
    const page = await ask(client, app, { prompt: 'select_account' })
    for (const session_id of [theirs?.id ?? '', '00000000-0000-7000-8000-000000000000', "x' or true --", '']) {
      const reply = await client.walk(client.submit(page, { session_id }))
      expectPage(reply, 200, 'Sign in')
    }
    expect((await sessionRow(house.sql, elsewhere))?.id).toBe(theirs?.id)
    expect((await sessionRow(house.sql, client))?.user_id).toBe(bob.user_id)
  })

  it('a session that has ended or expired, and an account that was disabled, is not offered and not taken', async () => {
    for (const end of [
      async (id: string) => await house.sql`update sessions set ended_at = now() where id = ${id}`,
      async (id: string) =>
        await house.sql`update sessions set expires_at = now() - interval '1 second' where id = ${id}`,
      async (id: string) =>
        await house.sql`update sessions set idle_expires_at = now() - interval '1 second' where id = ${id}`,
    ]) {
      const client = await shared()
      const page = await ask(client, app, { prompt: 'select_account' })
      const adas = idOf(page, ada)
      await end(adas)
      expectPage(await choose(client, page, adas), 200, 'Sign in')
      expect(idOf(await ask(client, app, { prompt: 'select_account' }), ada)).toBe('')
    }
    const cleo = await house.person({ name: 'Cleo Three' })
    const client = house.server.client()
    await signIn(client, cleo)
    await signInOn(client, await ask(client, app, { prompt: 'login' }), bob)
    await house.sql`update users set status = 'disabled' where id = ${cleo.user_id}`
    await expect
      .poll(async () => idOf(await ask(client, app, { prompt: 'select_account' }), cleo), { timeout: 2500 })
      .toBe('')
  })
})

describe('single sign-on', () => {
  it('a second application is answered for the person who signed in last', async () => {
    const client = await shared()
    const second = await house.app({ first_party: true })
    const reply = await obtain(client, second, ada)
    const code = expectCode(reply, second, house.server.issuer)
    expect((await codeRow(house.sql, code))?.user_id).toBe(bob.user_id)
  })
})
