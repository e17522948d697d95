/** Sign-in and second steps as JSON: rules MF-1, MF-2, MF-3, MF-4, LI-1, LI-4, AD-4 (security.md 1.4, 1.6). */
import { Secret, TOTP } from 'otpauth'
import { beforeAll, describe, expect, it } from 'vitest'
import { authenticatorOf, backupCodesOf, chooseCodes, lettersSettled, someNumber } from '../support/factors.ts'
import { type App, type House, openHouse, type Person, tokensOf } from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { inboxOf, type TestInbox } from '../support/inbox.ts'

let house: House
let inbox: TestInbox
let app: App
let api: string

beforeAll(async () => {
  house = await openHouse()
  inbox = inboxOf(house.server)
  api = `${house.server.issuer}/api/v1`
  app = await house.app({ first_party: true, resources: [api], scope: 'openid account' })
})

type Facts = Record<string, unknown>

const call = async (
  client: HttpClient,
  path: string,
  json: Facts = {},
  headers: Record<string, string> = {},
): Promise<Reply> => await client.request(path, { method: 'POST', json, headers })

const login = async (client: HttpClient, person: Person): Promise<Reply> =>
  await call(client, '/api/v1/auth/login', { login: person.email, password: person.password })

/** Somebody who is signed in, and the headers of unsafe calls. */
const signedIn = async (): Promise<{ person: Person; client: HttpClient; headers: Record<string, string> }> => {
  const person = await house.person()
  const client = house.server.client()
  const reply = await login(client, person)
  expect(reply.json()).toMatchObject({ status: 'complete' })
  return { person, client, headers: { 'x-csrf-token': reply.json<{ csrf_token: string }>().csrf_token } }
}

describe('POST auth/login', () => {
  it('signs in with the session cookie; never answers with tokens or secrets', async () => {
    const { person, client } = await signedIn()
    const session = await client.get('/api/v1/auth/session')
    expect(session.json()).toMatchObject({ user: { id: person.user_id }, acr: 'aal1' })
    const again = await login(house.server.client(), person)
    expect(again.body).not.toMatch(/argon2|access_token|refresh_token|id_token|eyJ/)
    expect(again.headers['cache-control']).toBe('no-store')
  })

  it('LI-1: a wrong password and an unknown name get the same answer', async () => {
    const person = await house.person()
    const answers = await Promise.all(
      [person.email, 'nobody@example.com'].map(
        async (name) => await call(house.server.client(), '/api/v1/auth/login', { login: name, password: 'wrong' }),
      ),
    )
    for (const answer of answers) expect([answer.status, answer.json()['code']]).toEqual([401, 'wrong_credentials'])
    const [one, two] = answers.map((answer) => ({ ...answer.json(), error_id: '', request_id: '' }))
    expect(one).toEqual(two)
  })

  it('LI-5: counts in the throttle of the page', async () => {
    const person = await house.person()
    const client = house.server.client()
    for (let tries = 0; tries < 5; tries += 1)
      await call(client, '/api/v1/auth/login', { login: person.email, password: 'wrong' })
    const reply = await login(client, person)
    expect([reply.status, reply.json()['code']]).toEqual([429, 'too_many_attempts'])
    expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0)
  })

  it('AD-4, G-6: JSON only, of this origin, without unknown members', async () => {
    const { email, password } = await house.person()
    const client = house.server.client()
    const path = '/api/v1/auth/login'
    expect((await client.post(path, { login: email, password })).status).toBe(415)
    const foreign = await call(client, path, { login: email, password }, { origin: 'https://evil.example' })
    expect([foreign.status, foreign.json()['code']]).toEqual([403, 'access_denied'])
    expect((await call(client, path, { login: email, password, is_admin: true })).status).toBe(400)
    expect((await call(client, path, { login: email })).status).toBe(400)
  })
})

describe('POST auth/factor', () => {
  it('MF-1: names the ways and where codes go, masked; begins the session once one is right', async () => {
    const person = await house.person()
    const phone = await authenticatorOf(house.ctx, person.user_id)
    await chooseCodes(house.ctx, person.user_id, { channel: 'email', destination: person.email })
    const client = house.server.client()
    const first = (await login(client, person)).json<{ status: string; interaction: string; factors: Facts[] }>()
    expect(first.status).toBe('factor')
    expect(first.factors).toEqual([{ kind: 'totp' }, { kind: 'email', destination: 'p•••@e•••.com' }])
    expect((await client.get('/api/v1/auth/session')).status).toBe(401)
    const { interaction } = first
    const wrong = await call(client, '/api/v1/auth/factor', { interaction, kind: 'totp', code: '000000' })
    expect([wrong.status, wrong.json()['code']]).toEqual([401, 'wrong_code'])
    const right = await call(client, '/api/v1/auth/factor', { interaction, kind: 'totp', code: phone.code() })
    expect(right.json()).toMatchObject({ status: 'complete', user: { id: person.user_id } })
    expect((await client.get('/api/v1/auth/session')).json()).toMatchObject({ acr: 'aal2' })
    const replayed = await call(client, '/api/v1/auth/factor', { interaction, kind: 'totp', code: phone.code() })
    expect([replayed.status, replayed.json()['code']]).toEqual([401, 'expired'])
  })

  it('MF-3: a code is sent when asked for, three times in ten minutes', async () => {
    const person = await house.person()
    await chooseCodes(house.ctx, person.user_id, { channel: 'email', destination: person.email })
    const client = house.server.client()
    const { interaction } = (await login(client, person)).json<{ interaction: string }>()
    for (let sent = 0; sent < 3; sent += 1) {
      const reply = await call(client, '/api/v1/auth/factor/send', { interaction, kind: 'email' })
      expect([reply.status, reply.json()]).toEqual([
        202,
        { status: 'sent', kind: 'email', destination: 'p•••@e•••.com' },
      ])
    }
    const fourth = await call(client, '/api/v1/auth/factor/send', { interaction, kind: 'email' })
    expect([fourth.status, fourth.json()['code']]).toEqual([429, 'too_many_codes'])
    await lettersSettled(house.sql, person)
    const { code } = await inbox.letter(person.email)
    const reply = await call(client, '/api/v1/auth/factor', { interaction, kind: 'email', code })
    expect(reply.json()).toMatchObject({ status: 'complete' })
  })

  it('MF-2: five wrong ones end it, whichever comes then; another browser has no part in it', async () => {
    const person = await house.person()
    const phone = await authenticatorOf(house.ctx, person.user_id)
    const client = house.server.client()
    const { interaction } = (await login(client, person)).json<{ interaction: string }>()
    const stranger = await call(house.server.client(), '/api/v1/auth/factor', {
      interaction,
      kind: 'totp',
      code: phone.code(),
    })
    expect(stranger.status).toBe(401)
    for (let tries = 0; tries < 5; tries += 1)
      await call(client, '/api/v1/auth/factor', { interaction, kind: 'totp', code: '000000' })
    const reply = await call(client, '/api/v1/auth/factor', { interaction, kind: 'totp', code: phone.code() })
    expect([reply.status, reply.json()['code']]).toEqual([429, 'too_many_attempts'])
  })

  it('MF-1: what a page has to do is named with its address', async () => {
    const person = await house.person()
    await house.sql`update users set required_actions = '{change_password}' where id = ${person.user_id}`
    const client = house.server.client()
    const reply = (await login(client, person)).json<{ status: string; continue: string }>()
    expect(reply.status).toBe('action')
    expect((await client.get(reply.continue)).body).toContain('Choose a new password')
  })
})

describe('POST auth/logout', () => {
  it('ends this session alone, and needs the token of the page (AD-4)', async () => {
    const { person, client, headers } = await signedIn()
    const other = house.server.client()
    await login(other, person)
    expect((await call(client, '/api/v1/auth/logout')).status).toBe(403)
    expect((await call(client, '/api/v1/auth/logout', {}, headers)).status).toBe(204)
    expect((await client.get('/api/v1/auth/session')).status).toBe(401)
    expect((await other.get('/api/v1/auth/session')).status).toBe(200)
  })

  it('everywhere ends every session and every token', async () => {
    const { person, client, headers } = await signedIn()
    const other = house.server.client()
    const { access_token } = await tokensOf(other, app, person, { scope: 'openid account', resource: api })
    const bearer = { authorization: `Bearer ${access_token}` }
    expect((await house.server.client().get('/api/v1/auth/session', bearer)).status).toBe(200)
    expect((await call(client, '/api/v1/auth/logout-everywhere', {}, headers)).status).toBe(204)
    expect((await other.get('/api/v1/auth/session')).status).toBe(401)
    expect((await house.server.client().get('/api/v1/auth/session', bearer)).status).toBe(401)
  })
})

describe('users/me/factors', () => {
  const path = '/api/v1/users/me/factors'

  it('an authenticator app: begun, confirmed, listed, renamed', async () => {
    const { client, headers } = await signedIn()
    const begun = await call(client, path, { kind: 'totp' }, headers)
    expect(begun.status).toBe(201)
    const { id, secret, otpauth_uri } = begun.json<{ id: string; secret: string; otpauth_uri: string }>()
    expect(otpauth_uri).toContain(secret)
    expect((await client.get(path)).json()).toMatchObject({ factors: [], backup_codes: { left: 0 } })
    const code = new TOTP({ secret: Secret.fromBase32(secret) }).generate()
    const body = { kind: 'totp', id, name: 'My phone', code }
    expect((await call(client, `${path}/confirm`, { ...body, code: '000000' }, headers)).status).toBe(401)
    expect((await call(client, `${path}/confirm`, { ...body, id: 'x' }, headers)).status).toBe(401)
    const added = await call(client, `${path}/confirm`, body, headers)
    expect([added.status, added.json()['name']]).toEqual([201, 'My phone'])
    const renamed = await client.request(`${path}/${id}`, { method: 'PATCH', json: { name: 'Old phone' }, headers })
    expect([renamed.status, renamed.json()['name']]).toEqual([200, 'Old phone'])
    const list = await client.get(path)
    expect(list.json()).toMatchObject({ factors: [{ kind: 'totp', id, name: 'Old phone' }] })
    expect(list.body).not.toContain(secret)
  })

  it('MF-3: a number is proved by the code that was sent to it', async () => {
    const { client, headers } = await signedIn()
    const number = someNumber()
    expect((await call(client, path, { kind: 'sms', phone_number: '0151' }, headers)).status).toBe(422)
    const sent = await call(client, path, { kind: 'sms', phone_number: number }, headers)
    expect([sent.status, sent.json()]).toEqual([202, { status: 'code_sent', kind: 'sms', destination: number }])
    const { code } = await inbox.letter(number)
    const added = await call(client, `${path}/confirm`, { kind: 'sms', code }, headers)
    expect(added.json()).toMatchObject({ kind: 'sms', name: number })
  })

  it('MF-4: removal takes another factor; without one it is said which would do', async () => {
    const { person, client, headers } = await signedIn()
    const phone = await authenticatorOf(house.ctx, person.user_id)
    const [backup = ''] = await backupCodesOf(house.ctx, person.user_id)
    const at = `${path}/${phone.id}`
    const bare = await client.request(at, { method: 'DELETE', headers })
    expect(bare.status).toBe(403)
    expect(bare.json()).toMatchObject({ code: 'factor_proof_required', proof: 'factor', kinds: 'backup_code' })
    const own = await call(client, `${at}/remove`, { kind: 'totp', code: phone.code() }, headers)
    expect(own.status).toBe(403)
    const password = await call(client, `${at}/remove`, { kind: 'password', code: person.password }, headers)
    expect(password.status).toBe(403)
    expect((await call(client, `${at}/remove`, { kind: 'backup_code', code: backup }, headers)).status).toBe(204)
    expect((await client.get(path)).json()).toMatchObject({ factors: [], backup_codes: { left: 9 } })
  })

  it('MF-4: the only one goes with a mailed code', async () => {
    const { person, client, headers } = await signedIn()
    const phone = await authenticatorOf(house.ctx, person.user_id)
    const at = `${path}/${phone.id}`
    expect((await call(client, `${at}/remove/send`, { kind: 'email' }, headers)).status).toBe(202)
    const { code } = await inbox.letter(person.email)
    expect((await call(client, `${at}/remove`, { kind: 'email', code }, headers)).status).toBe(204)
  })

  it('backup codes are in the answer once', async () => {
    const { client, headers } = await signedIn()
    const made = await call(client, `${path}/backup-codes`, {}, headers)
    expect([made.status, made.json<{ codes: string[] }>().codes.length]).toEqual([201, 10])
    expect((await client.get(path)).json()).toMatchObject({ backup_codes: { left: 10 } })
  })

  it('LI-4: changes need a fresh proof: 403 with the way to one', async () => {
    const { person, client, headers } = await signedIn()
    const phone = await authenticatorOf(house.ctx, person.user_id)
    await house.sql`
      update sessions set auth_time = auth_time - interval '301 seconds' where user_id = ${person.user_id}`
    await new Promise((resolve) => setTimeout(resolve, 1100))
    const calls: [string, string, Facts | undefined][] = [
      ['POST', path, { kind: 'totp' }],
      ['POST', `${path}/confirm`, { kind: 'totp', code: '1' }],
      ['POST', `${path}/backup-codes`, {}],
      ['POST', `${path}/${phone.id}/remove`, { kind: 'email' }],
      ['DELETE', `${path}/${phone.id}`, undefined],
    ]
    for (const [method, at, json] of calls) {
      const reply = await client.request(at, { method, headers, ...(json && { json }) })
      expect([reply.status, reply.json()['code']], at).toEqual([403, 'reauthentication_required'])
      expect(reply.json()['continue']).toContain('/login?again=1')
    }
    expect((await client.get(path)).status).toBe(200)
  })

  it("MF-4: somebody else's factor is not there", async () => {
    const [one, two] = [await signedIn(), await signedIn()]
    const phone = await authenticatorOf(house.ctx, one.person.user_id)
    const reply = await two.client.request(`${path}/${phone.id}`, { method: 'DELETE', headers: two.headers })
    expect(reply.status).toBe(404)
    const renamed = await two.client.request(`${path}/x`, {
      method: 'PATCH',
      headers: two.headers,
      json: { name: 'n' },
    })
    expect(renamed.status).toBe(404)
  })
})
