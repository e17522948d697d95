/** What the authorization endpoint answers, where, and how it refuses (RFC 6749 §4.1.2, Form Post Response Mode, RFC 9207). */
import { beforeAll, describe, expect, it } from 'vitest'
import {
  type App,
  answerOf,
  authorizePath,
  expectCode,
  expectPage,
  expectRefusal,
  type House,
  obtain,
  openHouse,
  type Person,
  redeem,
  signIn,
} from '../support/flow.ts'
import { codeRow, decisionOf } from '../support/written.ts'
import type { Server } from '../support/server.ts'

let house: House
let server: Server
let ada: Person
let app: App

beforeAll(async () => {
  house = await openHouse()
  server = house.server
  ada = await house.person({ name: 'Ada Lovelace', username: 'ada' })
  app = await house.app({ client_name: 'First app', redirect_uris: ['https://app.example/callback'] })
})

const kinds: [string, unknown][] = [
  ['code', expect.stringMatching(/^kw_ac_/)],
  ['error', 'unsupported_response_type'],
]

describe('where the answer goes', () => {
  const uri = 'https://app.example/callback?tenant=a%20b'
  let inQuery: App

  beforeAll(async () => {
    inQuery = await house.app({ redirect_uris: [uri], first_party: true })
  })

  it('query: the query of the registered URI is kept (RFC 6749 §3.1.2)', async () => {
    const client = server.client()
    const back = await obtain(client, inQuery, ada)
    expect(back.location?.href.startsWith(`${uri}&code=`)).toBe(true)
    expect(answerOf(back)).toMatchObject({ tenant: 'a b', state: 'state of the app', iss: server.issuer })
  })

  it.each(kinds)('fragment: %s, state and iss stand behind #, the query is kept', async (kind, shape) => {
    const client = server.client()
    const more = { response_mode: 'fragment', ...(kind === 'error' && { response_type: 'token' }) }
    const back = await obtain(client, inQuery, ada, more)
    expect(back.location?.href.startsWith(`${uri}#`)).toBe(true)
    expect(answerOf(back, 'fragment')).toMatchObject({
      [kind]: shape,
      state: 'state of the app',
      iss: server.issuer,
    })
  })

  it.each(kinds)('form_post: %s, state and iss are fields of a form that posts itself', async (kind, shape) => {
    const client = server.client()
    const more = { response_mode: 'form_post', ...(kind === 'error' && { response_type: 'token' }) }
    const page = await obtain(client, inQuery, ada, more)
    expectPage(page, 200, 'Continue')
    const [form, ...others] = page.forms
    expect([others, form?.method, form?.action]).toEqual([[], 'post', uri])
    const fields = Object.fromEntries(form?.fields.map(({ name, value }) => [name, value]) ?? [])
    expect(fields).toMatchObject({
      [kind]: shape,
      state: 'state of the app',
      iss: server.issuer,
    })
    const policy = page.headers['content-security-policy'] ?? ''
    expect(policy).toContain("form-action 'self' https://app.example")
    const nonce = /script-src 'nonce-([^']+)'/.exec(String(policy))?.[1] ?? 'none'
    expect(page.body).toMatch(new RegExp(`<script nonce="${nonce}">[^<]*submit`))
    expect(page.headers['cache-control']).toBe('no-store')
  })

  it('form_post: what the application sent is text, never markup', async () => {
    const client = server.client()
    const state = '"><script>alert(1)</script>'
    const page = await obtain(client, inQuery, ada, { response_mode: 'form_post', state })
    expect(page.body).not.toContain('<script>alert')
    expect(page.forms[0]?.fields.find(({ name }) => name === 'state')?.value).toBe(state)
  })

  it('a code goes to the application in every mode with the code that the token endpoint takes', async () => {
    const client = server.client()
    for (const response_mode of ['query', 'fragment', 'form_post']) {
      const back = await obtain(client, inQuery, ada, { response_mode })
      const field = back.forms[0]?.fields.find(({ name }) => name === 'code')?.value
      const inRedirect = back.location && answerOf(back, response_mode === 'fragment' ? 'fragment' : 'query').code
      expect((await redeem(client, inQuery, field ?? inRedirect ?? '')).status, response_mode).toBe(200)
    }
  })

  it('without state the answer has none, on errors too', async () => {
    const client = server.client()
    const back = await obtain(client, inQuery, ada, { state: undefined })
    expect(Object.keys(answerOf(back)).toSorted()).toEqual(['code', 'iss', 'tenant'])
    const refused = await client.get(authorizePath(inQuery, { state: undefined, response_type: 'token' }))
    expect(Object.keys(answerOf(refused)).toSorted()).toEqual([
      'error',
      'error_description',
      'error_id',
      'iss',
      'tenant',
    ])
  })

  it('RFC 6749 §3.1.2.3: plain OAuth may leave out the only redirect_uri, OpenID Connect may not', async () => {
    const client = server.client()
    const one = await house.app({ first_party: true, scope: 'openid read' })
    const two = await house.app({ redirect_uris: ['https://a.example/1', 'https://a.example/2'], scope: 'read' })
    await signIn(client, ada)
    const code = expectCode(
      await client.get(authorizePath(one, { redirect_uri: undefined, scope: 'read' })),
      one,
      server.issuer,
    )
    expect(await codeRow(house.sql, code)).toMatchObject({ redirect_uri: one.redirect_uri, redirect_uri_sent: false })
    expectPage(await client.get(authorizePath(one, { redirect_uri: undefined })), 400, /./)
    expectPage(await client.get(authorizePath(two, { redirect_uri: undefined, scope: 'read' })), 400, /./)
  })
})

describe('what a refusal tells', () => {
  it.each<[string, Record<string, string | string[] | undefined>, string]>([
    ['response_type missing', { response_type: undefined }, 'invalid_request'],
    ['response_type unknown', { response_type: 'nonsense' }, 'unsupported_response_type'],
    ['response_type token', { response_type: 'token' }, 'unsupported_response_type'],
    ['response_type hybrid', { response_type: 'code id_token' }, 'unsupported_response_type'],
    ['response_mode unknown', { response_mode: 'telepathy' }, 'invalid_request'],
    ['scope not registered', { scope: 'openid admin' }, 'invalid_scope'],
    ['scope with a sign that is none', { scope: 'openid "quoted"' }, 'invalid_scope'],
    ['resource not granted', { resource: 'https://api.example' }, 'invalid_target'],
    ['resource that is no URI', { resource: 'api' }, 'invalid_target'],
    ['request', { request: 'eyJhbGciOiJub25lIn0.e30.' }, 'request_not_supported'],
    ['request_uri', { request_uri: 'https://app.example/request.jwt' }, 'request_uri_not_supported'],
    ['registration', { registration: '{}' }, 'registration_not_supported'],
    ['code_challenge missing', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
    ['code_challenge_method plain', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['code_challenge_method missing', { code_challenge_method: undefined }, 'invalid_request'],
    ['prompt unknown', { prompt: 'create' }, 'invalid_request'],
    ['max_age that is no number', { max_age: '-1' }, 'invalid_request'],
    ['a repeated parameter', { scope: ['openid', 'openid'] }, 'invalid_request'],
  ])('%s', async (_name, params, error) => {
    const client = server.client()
    const reply = await client.get(authorizePath(app, params))
    const decision = await decisionOf(house.sql, expectRefusal(reply, app, error))
    expect(decision).toMatchObject({ error, route: '/oauth/authorize', client_id: app.client_id })
    expect(decision.expected).not.toBeNull()
    expect(reply.headers['cache-control']).toBe('no-store')
  })

  it('a client without the grant is unauthorized_client, a disabled one a page', async () => {
    const client = server.client()
    const machine = await house.app({
      redirect_uris: ['https://app.example/callback'],
      grant_types: ['client_credentials'],
    })
    expectRefusal(await client.get(authorizePath(machine)), machine, 'unauthorized_client')
    const disabled = await house.app()
    await house.sql`update clients set status = 'disabled' where client_id = ${disabled.client_id}`
    expectPage(await client.get(authorizePath(disabled)), 400, /./)
  })

  it('a repeated resource is no repetition (RFC 8707 §2)', async () => {
    const client = server.client()
    const resources = ['https://api.example/a', 'https://api.example/b']
    const rich = await house.app({ first_party: true, resources })
    await signIn(client, ada)
    const code = expectCode(await client.get(authorizePath(rich, { resource: resources })), rich, server.issuer)
    expect((await codeRow(house.sql, code))?.resource).toEqual(resources)
  })
})
