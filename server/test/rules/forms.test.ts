/** Security rule AD-4 (security.md 1.6): every form of app.ts is worth something only from the page and the browser it is of. */
import { beforeAll, describe, expect, it } from 'vitest'
import { routesFor } from '../../src/app.ts'
import { entryForms } from '../support/entry-forms.ts'
import { accountForms, type Prepared } from '../support/account-forms.ts'
import { freshDatabase } from '../support/database.ts'
import {
  type App,
  ask,
  askSilently,
  errorIdOf,
  expectPage,
  type House,
  obtain,
  openHouse,
  type Person,
  signIn,
} from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { stepForms } from '../support/step-forms.ts'
import { decisionOf, sessionRow } from '../support/written.ts'

let house: House
let app: App
let own: App
let ada: Person

beforeAll(async () => {
  house = await openHouse()
  app = await house.app()
  own = await house.app({ first_party: true })
  ada = await house.person()
})

const routes = routesFor({ compat_paths: true })

describe('AD-4', () => {
  const onAccount = async (path = '/account'): Promise<{ client: HttpClient; person: Person; page: Reply }> => {
    const person = await house.person()
    const client = house.server.client()
    await obtain(client, app, person)
    const other = house.server.client()
    await signIn(other, person)
    return { client, person, page: await client.get(path) }
  }

  const consentPage = async (): Promise<Prepared> => {
    const person = await house.person()
    const client = house.server.client()
    await signIn(client, person)
    return {
      client,
      page: await ask(client, app),
      values: { decision: 'allow' },
      hasHappened: async () => (await house.sql`select 1 from consents where user_id = ${person.user_id}`).length === 1,
    }
  }

  const forms: Record<string, () => Promise<Prepared>> = {
    ...accountForms(() => house),
    ...entryForms(() => house),
    '/login': async () => {
      const client = house.server.client()
      const values = { login: ada.email, password: ada.password }
      const hasHappened = async (): Promise<boolean> => (await sessionRow(house.sql, client)) !== undefined
      return { client, page: await client.get('/login'), values, hasHappened }
    },
    '/consent': consentPage,
    '/oauth/consent': consentPage,
    '/select-account': async () => {
      const client = house.server.client()
      await signIn(client, ada)
      const before = client.jar.get('kw_session')?.value
      const page = await ask(client, own, { prompt: 'select_account' })
      const session_id = (await sessionRow(house.sql, client))?.id ?? ''
      const hasHappened = async (): Promise<boolean> =>
        await Promise.resolve(client.jar.get('kw_session')?.value !== before)
      return { client, page, values: { session_id }, hasHappened }
    },
    '/logout': async () => {
      const { client } = await onAccount()
      const hasHappened = async (): Promise<boolean> => (await askSilently(client, own)) !== 'code'
      return { client, page: await client.get('/logout'), values: { scope: 'everywhere' }, hasHappened }
    },
    '/account/sessions/end': async () => {
      const { client, page, person } = await onAccount('/account/sessions')
      const session_id =
        page.forms.flatMap(({ buttons }) => buttons).find(({ name }) => name === 'session_id')?.value ?? ''
      const hasHappened = async (): Promise<boolean> =>
        (await house.sql`select 1 from sessions where user_id = ${person.user_id} and ended_at is not null`).length > 0
      return { client, page, values: { session_id }, hasHappened }
    },
    '/account/consents/withdraw': async () => {
      const { client, page, person } = await onAccount('/account/applications')
      const hasHappened = async (): Promise<boolean> =>
        (await house.sql`select 1 from consents where user_id = ${person.user_id}`).length === 0
      return { client, page, values: { client_id: app.client_id }, hasHappened }
    },
    '/setup': async () => {
      const fresh = await openHouse({ database: await freshDatabase() })
      await expect.poll(() => fresh.server.stdout(), { timeout: 10_000 }).toContain('npm run demo')
      const client = fresh.server.client()
      const page = await client.get(/\/setup\?token=\w+/.exec(fresh.server.stdout())?.[0] ?? '')
      const values = { email: 'first@example.com', name: 'First', username: 'first', password: 'four calm green boats' }
      const hasHappened = async (): Promise<boolean> => (await fresh.sql`select 1 from users`).length > 0
      return { house: fresh, client, page, values, hasHappened }
    },
  }

  const steps = stepForms(() => house)

  /** Applications post here from their own pages: it has no form of ours, and does nothing without a proof or a question. */
  const withoutForm = ['/oauth/logout']

  const browserPosts = routes
    .filter(({ method, auth, accepts }) => method === 'POST' && auth === 'browser' && accepts === 'form')
    .map(({ path }) => path)

  it('AD-4: the table below has every address of app.ts that takes a form from a browser', () => {
    expect(browserPosts.toSorted()).toEqual([...Object.keys(forms), ...Object.keys(steps), ...withoutForm].toSorted())
  })

  it.each(Object.keys(forms))(
    'AD-4: POST %s needs the token of this browser and this purpose, and our own origin',
    async (path) => {
      const prepared = await forms[path]?.()
      if (prepared === undefined) throw new Error(`no form for ${path}`)
      const { client, page, values, hasHappened } = prepared
      const { server, sql } = prepared.house ?? house
      const form = page.forms.find(({ action }) => action === path) ?? page.forms[0]
      const fields = Object.fromEntries(form?.fields.map(({ name, value }) => [name, value]) ?? [])
      const csrf = fields.csrf ?? ''
      expect(csrf).toMatch(/^[\w-]{43}$/)
      const stranger = server.client()
      const foreign = (await stranger.get('/login')).forms[0]?.fields.find(({ name }) => name === 'csrf')?.value ?? ''
      const elsewhere = ['/login', '/login/email'].includes(path)
        ? 'A'.repeat(43)
        : ((await client.get('/login')).forms[0]?.fields[0]?.value ?? 'A'.repeat(43))
      const ours = { origin: server.issuer }
      const attempts: [string, Record<string, string | undefined>, Record<string, string>][] = [
        ['no token', { csrf: undefined }, ours],
        ['an empty token', { csrf: '' }, ours],
        ["another browser's token", { csrf: foreign }, ours],
        ["another purpose's token", { csrf: elsewhere }, ours],
        ['a token with more behind it', { csrf: `${csrf}A` }, ours],
        ['another origin', {}, { origin: 'https://evil.example' }],
        ['an origin that only begins like ours', {}, { origin: `${server.issuer}.evil.example` }],
        ['another port', {}, { origin: 'http://localhost:1' }],
        ['the origin of a sandbox', {}, { origin: 'null' }],
        ['no origin, from another site', {}, { 'sec-fetch-site': 'cross-site' }],
        ['no origin, from a neighbour', {}, { 'sec-fetch-site': 'same-site' }],
      ]
      const refused: string[] = []
      for (const [name, change, headers] of attempts) {
        const reply = await client.post(path, { ...fields, ...values, ...change }, headers)
        expect([name, reply.status]).toEqual([name, 403])
        expectPage(reply, 403, /./)
        refused.push(errorIdOf(reply))
        expect([name, await hasHappened()]).toEqual([name, false])
      }
      // Decisions are written a moment later: all together the test waits once.
      for (const error_id of refused) expect((await decisionOf(sql, error_id)).rule).toContain('AD-4')
      // The same form with what belongs to it: what was refused above would have worked.
      const good = await client.post(path, { ...fields, ...values }, ours)
      expect([200, 303]).toContain(good.status)
      expect(await hasHappened()).toBe(true)
    },
  )

  it.each(Object.keys(steps))(
    'AD-4: POST %s without a token of its own, or from elsewhere, is refused',
    async (name) => {
      const step = await steps[name]?.()
      if (step === undefined) throw new Error(`no form for ${name}`)
      const { client, path, fields } = step
      const csrf = (await house.server.client().get('/login')).forms[0]?.fields.find(
        (one) => one.name === 'csrf',
      )?.value
      const ours = { origin: house.server.issuer }
      const attempts: [Record<string, string>, Record<string, string>][] = [
        [{}, ours],
        [{ csrf: '' }, ours],
        [{ csrf: csrf ?? '' }, ours],
        [{}, { origin: 'https://evil.example' }],
        [{}, { 'sec-fetch-site': 'cross-site' }],
      ]
      const refused: string[] = []
      for (const [token, headers] of attempts) {
        const reply = await client.post(path, { ...fields, ...token }, headers)
        expect(reply.status, `${path} ${JSON.stringify(token)} ${JSON.stringify(headers)}`).toBe(403)
        refused.push(errorIdOf(reply))
      }
      for (const error_id of refused) expect((await decisionOf(house.sql, error_id)).rule).toContain('AD-4')
    },
  )

  it('AD-4: POST /oauth/logout, which takes no form of ours, only asks', async () => {
    const client = house.server.client()
    await signIn(client, ada)
    for (const headers of [{ origin: 'https://evil.example' }, { origin: 'https://evil.example', cookie: '' }]) {
      const reply = await client.walk(client.post('/oauth/logout', {}, headers))
      expectPage(reply, 200, 'Sign out?')
      expect(await askSilently(client, own)).toBe('code')
    }
  })

  it('AD-4: an address that only shows changes nothing', async () => {
    const client = house.server.client()
    const person = await house.person()
    await obtain(client, app, person)
    const look = async (): Promise<unknown> => [
      await house.sql`select id, ended_at, token_hash from sessions where user_id = ${person.user_id}`,
      await house.sql`select * from consents where user_id = ${person.user_id}`,
      (await house.sql`select count(*) from all_events`)[0],
    ]
    const before = await look()
    const paths = [
      ...new Set(routes.filter(({ method, auth }) => method === 'GET' && auth === 'browser').map(({ path }) => path)),
    ]
    expect(paths.length).toBeGreaterThan(8)
    for (const path of paths)
      await client.get(`${path}?decision=allow&scope=everywhere&client_id=${app.client_id}&session_id=other`)
    expect(await look()).toEqual(before)
  })
})
