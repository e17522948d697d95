/** Asking a person whether an application may, and remembering the answer (security rule AZ-13, OpenID Connect Core §3.1.2.4). */
import { beforeAll, describe, expect, it } from 'vitest'
import {
  answerOf,
  type App,
  ask,
  askSilently,
  authorizePath,
  decide,
  errorIdOf,
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
  targetOf,
} from '../support/flow.ts'
import { decisionOf, eventsOf, eventTypes, sessionRow } from '../support/written.ts'
import type { HttpClient } from '../support/http.ts'

let house: House
let app: App

beforeAll(async () => {
  house = await openHouse()
  app = await house.app({
    client_name: 'Tide <tables> & "charts"',
    client_uri: 'https://tide.example/about',
    resources: ['https://api.example/a', 'https://api.example/b'],
    scope: 'openid profile email offline_access read write',
  })
})

const somebody = async (): Promise<{ person: Person; client: HttpClient }> => {
  const person = await house.person()
  const client = house.server.client()
  await signIn(client, person)
  return { person, client }
}

const consentOf = async (person: Person, of: App = app) =>
  (
    await house.sql<{ scopes: string[]; resources: string[] }[]>`
      select scopes, resources from consents where user_id = ${person.user_id} and client_id = ${of.client_id}`
  )[0]

describe('the page', () => {
  it('says who asks, for what, for whom, and where the person goes then', async () => {
    const { person, client } = await somebody()
    const page = await ask(client, app, { scope: 'openid email offline_access write unknown'.replace(' unknown', '') })
    expectPage(page, 200, 'Allow access')
    for (const text of [
      'Tide &lt;tables&gt; &amp; &quot;charts&quot;',
      'See your email address',
      'Stay connected',
      'Change your data',
      person.name,
      new URL(app.redirect_uri).host,
      'href="https://tide.example/about"',
    ])
      expect(page.body).toContain(text)
    for (const text of ['See your profile', 'openid', '<tables>', 'on this device'])
      expect(page.body).not.toContain(text)
  })

  it('without any scope the application only learns that there is an account', async () => {
    const { client } = await somebody()
    expect((await ask(client, app)).body).toContain('only learns that you have an account here')
  })

  it('shown to nobody who is not signed in, and to no other browser', async () => {
    const { client } = await somebody()
    const page = await ask(client, app)
    const stranger = house.server.client()
    expectPage(await stranger.get(page.url), 400, /./)
    client.jar.delete('kw_session')
    expectPage(await client.walk(client.get(page.url)), 200, 'Sign in')
  })
})

describe('the answer', () => {
  it('allow: the code, remembered, recorded', async () => {
    const { person, client } = await somebody()
    const scope = 'openid email read'
    const page = await ask(client, app, { scope, resource: 'https://api.example/a' })
    expectCode(await decide(client, page, 'allow'), app, house.server.issuer)
    const consent = await consentOf(person)
    expect(consent?.scopes.toSorted()).toEqual(['email', 'openid', 'read'])
    expect(consent?.resources).toEqual(['https://api.example/a'])
    const session = await sessionRow(house.sql, client)
    const [event] = (await eventsOf(house.sql, person)).filter(({ type }) => type === 'consent.granted')
    expect(event).toMatchObject({
      outcome: 'success',
      client_id: app.client_id,
      session_id: session?.id,
      ip: '127.0.0.1',
      data: { scope, resources: ['https://api.example/a'] },
    })
    expect(event?.request_id).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('deny: access_denied with state and iss, nothing remembered, recorded, and over', async () => {
    const { person, client } = await somebody()
    const page = await ask(client, app)
    const back = await decide(client, page, 'deny')
    const decision = await decisionOf(house.sql, expectRefusal(back, app, 'access_denied'))
    expect(decision.got).toBe('the person denied it')
    expect(await consentOf(person)).toBeUndefined()
    expect(await eventTypes(house.sql, person)).toEqual(['login.succeeded', 'consent.refused'])
    expectPage(await client.submit(page, {}, { button: { name: 'decision', value: 'allow' } }), 400, /./)
    expect(await consentOf(person)).toBeUndefined()
  })

  it('deny that could not be kept was not recorded either (AU-1)', async () => {
    const { person, client } = await somebody()
    const page = await ask(client, app)
    await house.sql`alter table interactions add constraint no_refusal check (not refused) not valid`
    try {
      expectPage(await client.submit(page, {}, { button: { name: 'decision', value: 'deny' } }), 500, /./)
    } finally {
      await house.sql`alter table interactions drop constraint no_refusal`
    }
    expect(await eventTypes(house.sql, person)).toEqual(['login.succeeded'])
  })

  it('use another account: who signs in is who is asked', async () => {
    const { person, client } = await somebody()
    const other = await house.person()
    const page = await ask(client, app)
    const login = await decide(client, page, 'switch')
    expectPage(login, 200, 'Sign in')
    const again = await signInOn(client, login, other)
    expectPage(again, 200, 'Allow access')
    expect(again.body).toContain(other.name)
    expect(again.body).not.toContain(person.name)
    expectCode(await decide(client, again, 'allow'), app, house.server.issuer)
    expect(await consentOf(person)).toBeUndefined()
    expect((await consentOf(other))?.scopes).toEqual(['openid'])
  })

  it('anything else is no answer: the page again', async () => {
    const { person, client } = await somebody()
    const page = await ask(client, app)
    for (const values of [{}, { decision: 'yes' }, { decision: 'ALLOW' }]) {
      expectPage(await client.walk(client.submit(page, values)), 200, 'Allow access')
    }
    expect(await consentOf(person)).toBeUndefined()
  })

  it('two clicks at once: one code, and one page that says it is finished', async () => {
    const { client } = await somebody()
    const page = await ask(client, app)
    const clicks = [1, 2].map(async () => await decide(client, page, 'allow'))
    const replies = await Promise.all(clicks)
    expect(replies.map(({ status }) => String(status)).toSorted()).toEqual(['303', '400'])
    const [won] = replies.filter(({ status }) => status === 303)
    expect(won && targetOf(won)).toBe(app.redirect_uri)
  })
})

describe('what is remembered', () => {
  it('for this person, this client, these scopes and resources: more is asked, less is not', async () => {
    const { person, client } = await somebody()
    const asked = async (params: Record<string, string>): Promise<boolean> =>
      (await ask(client, app, params)).url.pathname === '/consent'
    await obtain(client, app, person, { scope: 'openid read', resource: 'https://api.example/a' })
    expect(await asked({ scope: 'openid read', resource: 'https://api.example/a' })).toBe(false)
    expect(await asked({ scope: 'read', resource: 'https://api.example/a' })).toBe(false)
    expect(await asked({ scope: 'openid write', resource: 'https://api.example/a' })).toBe(true)
    expect(await asked({ scope: 'openid', resource: 'https://api.example/b' })).toBe(true)
    expect(await asked({ scope: 'read' })).toBe(true)
    await obtain(client, app, person, { scope: 'openid write', resource: 'https://api.example/a' })
    expect(await asked({ scope: 'openid read write', resource: 'https://api.example/a' })).toBe(false)
    const [another, second] = [await somebody(), await house.app()]
    expect((await ask(another.client, app, { scope: 'openid' })).url.pathname).toBe('/consent')
    expect((await ask(client, second)).url.pathname).toBe('/consent')
  })

  it('a scope that was allowed at one resource is asked for at another: pairs are remembered, not two lists', async () => {
    const { person, client } = await somebody()
    const [a, b] = ['https://api.example/a', 'https://api.example/b']
    await obtain(client, app, person, { scope: 'openid read', resource: a })
    await obtain(client, app, person, { scope: 'openid write', resource: b })
    expect(await askSilently(client, app, { scope: 'openid write', resource: a })).toBe('consent_required')
    expect(await askSilently(client, app, { scope: 'openid read', resource: [a, b] })).toBe('consent_required')
    expect(await askSilently(client, app, { scope: 'openid', resource: [a, b] })).toBe('code')
    expect(await askSilently(client, app, { scope: 'openid read', resource: a })).toBe('code')
    const page = await ask(client, app, { scope: 'openid write', resource: a })
    expect(page.body).toMatch(/Change your data<\/bdi>\s*<span class="badge">New/)
    await decide(client, page, 'allow')
    expect(await askSilently(client, app, { scope: 'openid read write', resource: a })).toBe('code')
    expect(await askSilently(client, app, { scope: 'openid read', resource: b })).toBe('consent_required')
  })

  it('a new resource is named and marked as new; the person finds all of them on their own page and takes them back', async () => {
    const { person, client } = await somebody()
    const [a, b] = ['https://api.example/a', 'https://api.example/b']
    const first = await ask(client, app, { scope: 'openid read', resource: a })
    expect(first.body).toMatch(/It can do this at:[^]*https:\/\/<wbr>api\.example\/<wbr>a</)
    expect(first.body).not.toContain('https://<wbr>api.example/<wbr>b')
    await decide(client, first, 'allow')
    const second = await ask(client, app, { scope: 'openid read', resource: [a, b] })
    expect(second.body).toMatch(/example\/<wbr>b<\/bdi>\s*<span class="badge">New/)
    expect(second.body).not.toMatch(/example\/<wbr>a<\/bdi>\s*<span class="badge">New/)
    await decide(client, second, 'allow')
    const account = await client.get('/account/applications')
    for (const resource of [a, b]) expect(account.body.replaceAll('<wbr>', '')).toContain(`<bdi>${resource}</bdi>`)
    const withdraw = { name: 'client_id', value: app.client_id }
    await client.submit(account, {}, { form: ({ action }) => action.endsWith('/withdraw'), button: withdraw })
    expect(await askSilently(client, app, { scope: 'openid read', resource: a })).toBe('consent_required')
    expect(await house.sql`select 1 from consent_scopes where user_id = ${person.user_id}`).toEqual([])
  })

  it('what is new is marked as new', async () => {
    const { person, client } = await somebody()
    const first = await ask(client, app, { scope: 'openid read' })
    expect(first.body).not.toContain('class="badge"')
    await obtain(client, app, person, { scope: 'openid read' })
    const page = await ask(client, app, { scope: 'openid read write' })
    expect(page.body).toMatch(/Change your data<\/bdi>\s*<span class="badge">New/)
    expect(page.body).not.toMatch(/Read your data<\/bdi>\s*<span class="badge">New/)
  })

  it('a first-party application is not asked about', async () => {
    const { person, client } = await somebody()
    const own = await house.app({ first_party: true })
    expectCode(await client.get(authorizePath(own, { scope: 'openid email' })), own, house.server.issuer)
    expect(await consentOf(person, own)).toBeUndefined()
  })
})

describe('an application that another program could pose as (RFC 8252 §8.6)', () => {
  it.each([
    ['on a loopback address', 'http://127.0.0.1/callback', '127.0.0.1'],
    ['with a private-use scheme', 'com.example.tide:/callback', 'com.example.tide'],
  ])('%s is asked about every time, with a warning, first-party or not', async (_name, uri, shown) => {
    for (const first_party of [false, true]) {
      const { client } = await somebody()
      const native = await house.app({ type: 'native', redirect_uris: [uri], first_party })
      for (let turn = 0; turn < 2; turn += 1) {
        const page = await ask(client, native)
        expectPage(page, 200, 'Allow access')
        expect(page.body).toMatch(new RegExp(`just started it[^]*<bdi>${shown}</bdi> on this device`))
        const back = await decide(client, page, 'allow')
        expect(answerOf(back)).toMatchObject({ state: 'state of the app', iss: house.server.issuer })
      }
      expect(await askSilently(client, native)).toBe('consent_required')
    }
  })
})

describe('a consent is the answer of the person who was asked, in the place where they were asked', () => {
  it("a form's token fits no other attempt, no other person, no other browser", async () => {
    const { person, client } = await somebody()
    const [page, other] = [await ask(client, app), await ask(client, app)]
    const csrfOf = (form: typeof page): string => form.forms[0]?.fields.find(({ name }) => name === 'csrf')?.value ?? ''
    const mixed = await client.submit(page, { csrf: csrfOf(other), decision: 'allow' })
    expectPage(mixed, 403, /./)
    expect((await decisionOf(house.sql, errorIdOf(mixed))).got).toBe('another token')
    const second = await house.person()
    const back = await client.submit(page, { csrf: csrfOf(page), decision: 'switch' })
    await signInOn(client, await client.walk(back), second)
    expectPage(await client.submit(page, { csrf: csrfOf(page), decision: 'allow' }), 403, /./)
    for (const one of [person, second]) expect(await consentOf(one)).toBeUndefined()
  })

  it("one person's yes is not the next person's: the answer is asked for again after another sign-in", async () => {
    const { client } = await somebody()
    const second = await house.person()
    const page = await ask(client, app)
    // The first says yes, but the browser does not go on: somebody else signs in within the same attempt.
    const yes = await client.submit(page, {}, { button: { name: 'decision', value: 'allow' } })
    expect(yes.location?.pathname).toBe('/oauth/continue')
    const login = await client.get(`/login?interaction=${interactionOf(page)}&other=1`)
    expectPage(await signInOn(client, login, second), 200, 'Allow access')
    expect(await consentOf(second)).toBeUndefined()
  })

  it('an answer before it is due is no answer: the sign-in comes first', async () => {
    const { person, client } = await somebody()
    const asked = await ask(client, app)
    const due = await ask(client, app, { prompt: 'login' })
    const form = asked.forms[0]?.fields.find(({ name }) => name === 'csrf')?.value ?? ''
    const early = await client.submit(asked, { interaction: interactionOf(due), csrf: form, decision: 'allow' })
    expect([early.status, early.location?.pathname]).not.toEqual([303, '/callback'])
    const after = await client.walk(client.get(`/oauth/continue?interaction=${interactionOf(due)}`))
    expectPage(after, 200, /Confirm/)
    // With a token that does fit: the page of the attempt itself, opened by hand.
    const direct = await client.get(`/consent?interaction=${interactionOf(due)}`)
    const posted = await client.submit(direct, { decision: 'allow' })
    expectPage(await client.walk(posted), 200, /Confirm/)
    expect(await consentOf(person)).toBeUndefined()
    expect(await eventTypes(house.sql, person)).toEqual(['login.succeeded'])
  })
})
