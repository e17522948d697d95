/** The language of pages and problems: which wish counts, the choice on the page, and what an answer says of it. */
import { beforeAll, describe, expect, it } from 'vitest'
import {
  type App,
  ask,
  authorizePath,
  decide,
  type House,
  openHouse,
  type Person,
  signIn,
  typePassword,
} from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { inboxOf, type TestInbox } from '../support/inbox.ts'

let house: House
let app: App
let camille: Person
let inbox: TestInbox

beforeAll(async () => {
  house = await openHouse()
  inbox = inboxOf(house.server)
  app = await house.app({ client_name: 'Atlas', scope: 'openid email' })
  camille = await house.person({ name: 'Camille' })
  await house.sql`update users set locale = 'fr-CA' where id = ${camille.user_id}`
})

/** What a page says of its language: in its markup and in its header. */
const languageOf = (reply: Reply): [string | undefined, string | undefined, unknown] => {
  const { lang, dir } = /<html lang="(?<lang>[^"]*)" dir="(?<dir>[^"]*)">/.exec(reply.body)?.groups ?? {}
  return [lang, dir, reply.headers['content-language']]
}
const german = ['de', 'ltr', 'de']
const english = ['en', 'ltr', 'en']
const french = ['fr', 'ltr', 'fr']
const japanese = ['ja', 'ltr', 'ja']
const arabic = ['ar', 'rtl', 'ar']

/** Presses a language at the foot of a page, as a person does. */
const choose = async (client: HttpClient, page: Reply, language: string): Promise<Reply> =>
  await client.submit(
    page,
    {},
    {
      form: (form) => form.buttons.some(({ name }) => name === 'ui_locales'),
      button: { name: 'ui_locales', value: language },
    },
  )

describe('which wish counts', () => {
  it.each([
    ['de', german],
    ['de-AT,de;q=0.9,en;q=0.8', german],
    ['ar-EG', arabic],
    ['xx, ja;q=0.5', japanese],
    ['xx', english],
    ['', english],
    ['de;q=0', english],
    [`${'x'.repeat(3000)}, de`, english],
    ['"><script>alert(1)</script>', english],
  ])('Accept-Language: %s', async (accept, language) => {
    const reply = await house.server.client().get('/login', { 'accept-language': accept })
    expect(reply.status).toBe(200)
    expect(languageOf(reply)).toEqual(language)
    expect(reply.headers.vary).toContain('Accept-Language')
  })

  it('an unknown ui_locales is passed over, in its order the first known one counts', async () => {
    const client = house.server.client()
    expect(languageOf(await client.get('/login?ui_locales=xx'))).toEqual(english)
    expect(languageOf(await client.get('/login?ui_locales=xx+ja+de'))).toEqual(japanese)
    expect(languageOf(await client.get('/login?ui_locales=%22%3E%3Cscript%3E'))).toEqual(japanese)
  })

  it('the profile beats the browser, ui_locales of the application beats both, the choice on the page beats all', async () => {
    const client = house.server.client()
    const inGerman = { 'accept-language': 'de' }
    await signIn(client, camille)
    expect(languageOf(await client.get('/account', inGerman))).toEqual(french)
    const asked = async (params: Record<string, string>) => {
      const location = (await client.get(authorizePath(app, params), inGerman)).location ?? ''
      return await client.get(location, inGerman)
    }
    expect(languageOf(await asked({}))).toEqual(french)
    const consent = await asked({ ui_locales: 'xx ja' })
    expect([consent.url.pathname, ...languageOf(consent)]).toEqual(['/consent', ...japanese])
    expect(languageOf(await choose(client, consent, 'ar'))).toEqual(arabic)
    expect(languageOf(await asked({ ui_locales: 'ja' }))).toEqual(arabic)
  })
})

describe('ui_locales of an application (OpenID Connect Core §3.1.2.1)', () => {
  it('holds for every page of its request, for a page that answers a form too, and for nothing else', async () => {
    const client = house.server.client()
    const person = await house.person()
    const login = await ask(client, app, { ui_locales: 'de', scope: 'openid email' })
    expect(languageOf(login)).toEqual(german)
    expect(login.body).toContain('<h1>Anmelden</h1>')
    const refused = await typePassword(client, login, person.email, 'wrong')
    expect([refused.status, ...languageOf(refused)]).toEqual([401, ...german])
    expect(refused.body).toContain('Die Angaben stimmen nicht')
    const consent = await client.walk(await typePassword(client, refused, person.email, person.password))
    expect([consent.url.pathname, ...languageOf(consent)]).toEqual(['/consent', ...german])
    expect(consent.body).toContain('Ihre E-Mail-Adresse sehen')
    expect((await decide(client, consent, 'allow')).location?.searchParams.has('code')).toBe(true)
    expect(languageOf(await client.get('/account'))).toEqual(english)
  })

  it('a refusal that is shown speaks it too: title and advice; the exact sentence stays English, for the operator', async () => {
    const path = authorizePath(app, { redirect_uri: 'https://evil.example/', ui_locales: 'ar' })
    const client = house.server.client()
    const reply = await client.get(path)
    expect([reply.status, ...languageOf(reply)]).toEqual([400, ...arabic])
    expect(reply.body).toContain('أرسل التطبيق طلبًا غير صحيح')
    expect(reply.body).toContain('lang="en" dir="ltr">The redirect_uri of this request is not registered')
    expect(languageOf(await client.get('/login'))).toEqual(english)
  })
})

describe('pages and letters around a sign-in', () => {
  const recover = async (client: HttpClient, email: string, headers: Record<string, string> = {}): Promise<Reply> => {
    const page = await client.get('/recover', headers)
    const fields = Object.fromEntries(page.forms[0]?.fields.map(({ name, value }) => [name, value]) ?? [])
    const origin = { origin: house.server.issuer }
    const sent = await client.post('/recover', { ...fields, login: email }, { ...headers, ...origin })
    return await client.get(sent.location ?? '', headers)
  }

  it('what the application wishes for goes along to pages that know nothing of it, and into the letter', async () => {
    const client = house.server.client()
    const { email } = await house.person()
    await ask(client, app, { ui_locales: 'ja' })
    const page = await recover(client, email)
    expect([page.url.pathname, ...languageOf(page)]).toEqual(['/recover/code', ...japanese])
    expect((await inbox.letter(email)).subject).toBe('新しいパスワードの設定')
    await ask(client, app)
    expect(languageOf(await client.get('/recover'))).toEqual(english)
  })

  it('a letter goes by the profile of who gets it, else by the request', async () => {
    const inGerman = { 'accept-language': 'de' }
    const { email } = await house.person()
    expect(languageOf(await recover(house.server.client(), email, inGerman))).toEqual(german)
    const letter = await inbox.letter(email)
    expect(letter.subject).toBe('Neues Passwort wählen')
    expect(letter.html).toContain('<html lang="de" dir="ltr">')
    expect(languageOf(await recover(house.server.client(), camille.email, inGerman))).toEqual(german)
    expect((await inbox.letter(camille.email)).subject).toBe('Choisir un nouveau mot de passe')
  })

  it('a letter from right to left says so', async () => {
    const { email } = await house.person()
    await recover(house.server.client(), email, { 'accept-language': 'ar' })
    expect((await inbox.letter(email)).html).toContain('<html lang="ar" dir="rtl">')
  })
})

describe('the choice on the page', () => {
  it('stays on the page, keeps its address, and is remembered in a cookie that says nothing else', async () => {
    const client = house.server.client()
    const login = await ask(client, app, { ui_locales: 'de' })
    const chosen = await choose(client, login, 'fr')
    expect(languageOf(chosen)).toEqual(french)
    expect(chosen.url.pathname).toBe('/login')
    expect(chosen.url.searchParams.get('interaction')).toBe(login.url.searchParams.get('interaction'))
    expect(chosen.headers['set-cookie']).toEqual(['kw_lang=fr; Path=/; HttpOnly; SameSite=Lax; Max-Age=34560000'])
    expect(chosen.body).toMatch(/lang="fr" aria-current="true">Français</)
    const again = await client.get('/login', { 'accept-language': 'de' })
    expect(languageOf(again)).toEqual(french)
    expect(again.headers['set-cookie']).toBeUndefined()
  })

  it('after a wrong password it leads back into the same sign-in', async () => {
    const client = house.server.client()
    const login = await ask(client, app)
    const refused = await typePassword(client, login, camille.email, 'wrong')
    expect(refused.url.search).toBe('')
    const chosen = await choose(client, refused, 'es')
    expect(chosen.body).toContain('<h1>Iniciar sesión</h1>')
    const done = await client.walk(await typePassword(client, chosen, camille.email, camille.password))
    expect([done.url.pathname, ...languageOf(done)]).toEqual(['/consent', 'es', 'ltr', 'es'])
  })

  it('keeps every parameter of the address once, as text, and never leads to another host', async () => {
    const client = house.server.client()
    const hostile = '/nowhere?kind=1&kind=2&ui_locales=de&email=%22%3E%3Cscript%3E'
    const page = await client.get(hostile, { accept: 'text/html' })
    expect(page.status).toBe(404)
    const form = page.forms.find(({ buttons }) => buttons.some(({ name }) => name === 'ui_locales'))
    expect([form?.action, form?.method]).toEqual(['', 'get'])
    expect(form?.fields.map(({ name, value }) => [name, value])).toEqual([
      ['kind', '1'],
      ['kind', '2'],
      ['email', '"><script>'],
    ])
    expect(form?.buttons.map(({ value }) => value).toSorted()).toEqual(['ar', 'de', 'en', 'es', 'fr', 'ja'])
    expect(page.body).not.toContain('"><script>')
    const chosen = await choose(client, page, 'ja')
    expect([chosen.url.pathname, chosen.url.search]).toEqual([
      '/nowhere',
      '?kind=1&kind=2&email=%22%3E%3Cscript%3E&ui_locales=ja',
    ])
    const other = await house.server
      .client()
      .get(`${house.server.issuer}//evil.example/?ui_locales=de`, { accept: 'text/html' })
    expect([other.status, ...languageOf(other)]).toEqual([404, ...german])
    expect(other.body).not.toContain('evil.example')
  })

  it('G-8: repeats nothing of an address that is not a parameter of our pages', async () => {
    const client = house.server.client()
    const refused = await client.get('/nowhere?password=a+secret&kind=1', { accept: 'text/html' })
    expect(refused.body).not.toContain('secret')
    const page = await client.get('/login?password=a+secret')
    expect(page.status).toBe(200)
    expect(page.body).not.toContain('secret')
  })

  it('is not offered where the page could not be asked for again', async () => {
    const client = house.server.client()
    await signIn(client, await house.person())
    const confirm = await client.get('/logout')
    expect(confirm.body).toContain('name="ui_locales"')
    const done = await client.submit(confirm, {}, { button: { name: 'scope', value: 'here' } })
    expect(done.status).toBe(200)
    expect(done.body).not.toContain('name="ui_locales"')
  })

  it('a cookie that names no language counts for nothing', async () => {
    for (const value of ['xx', 'de"', '../de', '']) {
      const reply = await house.server.client().get('/login', { cookie: `kw_lang=${value}` })
      expect([value, ...languageOf(reply)]).toEqual([value, ...english])
    }
  })
})

describe('problems (RFC 9457 §3.1.3, §3.1.4)', () => {
  it('title and detail in the language of the caller; the code stays what it is', async () => {
    const headers = { accept: 'application/json', 'accept-language': 'de-CH, en;q=0.5' }
    const reply = await house.server.client().get('/api/v1/nowhere', headers)
    expect(reply.json()).toMatchObject({
      title: 'Nicht gefunden',
      detail: 'Unter dieser Adresse gibt es nichts.',
      status: 404,
      code: 'not_found',
    })
    expect(reply.headers['content-language']).toBe('de')
    expect(reply.headers.vary).toContain('Accept-Language')
  })

  it('English for who speaks another one', async () => {
    const reply = await house.server.client().get('/api/v1/nowhere', { accept: '*/*', 'accept-language': 'xx' })
    expect(reply.json()).toMatchObject({ title: 'Not found', detail: 'There is nothing at this address.' })
    expect(reply.headers['content-language']).toBe('en')
  })

  it('RFC 6749 §5.2: errors of OAuth stay English', async () => {
    const reply = await house.server.client().post('/oauth/token', {}, { 'accept-language': 'de' })
    expect(reply.json()['error_description']).toMatch(/^[\x20-\x7e]+$/)
    expect(reply.headers['content-language']).toBeUndefined()
  })
})

it('OpenID Connect Discovery §3: ui_locales_supported are the languages there are', async () => {
  const reply = await house.server.client().get('/.well-known/openid-configuration')
  const { ui_locales_supported } = reply.json<{ ui_locales_supported: string[] }>()
  expect(ui_locales_supported.toSorted()).toEqual(['ar', 'de', 'en', 'es', 'fr', 'ja'])
})
