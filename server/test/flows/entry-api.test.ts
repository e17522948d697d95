/** Registration, recovery and sign-in by mail as JSON, and the older calls that lead there (api.md, rows A and D). */
import { beforeAll, describe, expect, it } from 'vitest'
import { freshAddress, goodPassword, register, tokenOf, typeCode } from '../support/entry.ts'
import { expectPage, type House, openHouse, signIn } from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { inboxOf, type TestInbox } from '../support/inbox.ts'

let house: House
let inbox: TestInbox

beforeAll(async () => {
  house = await openHouse()
  inbox = inboxOf(house.server)
})

const call = async (client: HttpClient, path: string, json: object): Promise<Reply> =>
  await client.request(path.startsWith('/') ? path : `/api/v1/auth/${path}`, { method: 'POST', json })

describe('registration', () => {
  it('202 for every address; the code makes the account and signs in', async () => {
    const person = await house.person()
    const email = freshAddress()
    const [known, fresh] = [house.server.client(), house.server.client()]
    const wish = { password: goodPassword, name: 'Ada', username: 'ada_by_json' }
    const answers = [
      await call(known, 'register', { ...wish, email: person.email }),
      await call(fresh, 'register', { ...wish, email }),
    ]
    for (const { status, json } of answers)
      expect([status, json()]).toEqual([202, { status: 'verification_sent', id: expect.any(String) as string }])
    const { id } = answers[1]?.json<{ id: string }>() ?? { id: '' }
    const { code } = await inbox.letter(email)
    const wrong = await call(fresh, 'verify-email', { id, code: code === '000000' ? '000001' : '000000' })
    expect([wrong.status, wrong.json()['code']]).toEqual([401, 'wrong_code'])
    const done = await call(fresh, 'verify-email', { id, code })
    expect([done.status, done.json()]).toMatchObject([
      200,
      { status: 'complete', user: { email, email_verified: true, name: 'Ada', username: 'ada_by_json' } },
    ])
    expectPage(await fresh.get('/account'), 200, 'Your account')
    expect((await inbox.letter(person.email)).subject).toBe('You have an account already')
  })

  it('a token works in any browser, with a password of one’s own; a taken user name comes with a token', async () => {
    await house.person({ username: 'taken_by_json' })
    const email = freshAddress()
    const client = house.server.client()
    const body = { email, password: goodPassword, name: 'Ada', username: 'taken_by_json' }
    const { id } = (await call(client, 'register', body)).json<{ id: string }>()
    const letter = await inbox.letter(email)
    const other = house.server.client()
    const bare = await call(other, 'verify-email', { token: tokenOf(letter), name: 'Ada' })
    expect([bare.status, bare.json()['code']]).toEqual([422, 'weak_password'])
    const named = { token: tokenOf(letter), password: goodPassword, name: 'two\nlines' }
    const misnamed = await call(other, 'verify-email', named)
    expect([misnamed.status, misnamed.json()['code']]).toEqual([422, 'invalid_name'])
    const taken = await call(client, 'verify-email', { id, code: letter.code })
    expect([taken.status, taken.json()['code']]).toEqual([409, 'username_taken'])
    const { token } = taken.json<{ token: string }>()
    const done = await call(client, 'verify-email', { token, username: 'free_by_json' })
    expect(done.json()).toMatchObject({ status: 'complete', user: { username: 'free_by_json' } })
  })

  it('sends the letter again, and voids the code before', async () => {
    const email = freshAddress()
    const client = house.server.client()
    const { id } = (await call(client, 'register', { email, password: goodPassword })).json<{ id: string }>()
    const first = await inbox.letter(email)
    const again = await call(client, 'resend-verification', { id })
    expect(again.status).toBe(202)
    const newer = await inbox.letter(email, { after: first })
    expect((await call(client, 'verify-email', { id, code: first.code })).json()['code']).toBe('expired_code')
    const done = await call(client, 'verify-email', { id: again.json<{ id: string }>().id, code: newer.code })
    expect(done.json()).toMatchObject({ status: 'complete' })
    expect((await call(client, 'resend-verification', { id: 'nothing' })).status).toBe(401)
  })

  it.each([
    [{ email: 'no address', password: goodPassword }, 422, 'invalid_email'],
    [{ email: 'a@b.example', password: 'short' }, 422, 'weak_password'],
    [{ email: 'a@b.example', password: goodPassword, username: 'a@b' }, 422, 'invalid_username'],
    [{ email: 'a@b.example', password: goodPassword, name: 'a\nb' }, 422, 'invalid_name'],
    [{ email: 'a@b.example' }, 400, 'invalid_request'],
    [{ email: 'a@b.example', password: goodPassword, roles: ['admin'] }, 400, 'invalid_request'],
    [{ email: 'a@b.example', password: goodPassword, email_verified: true }, 400, 'invalid_request'],
  ])('%j is refused with %i %s', async (body, status, code) => {
    const reply = await call(house.server.client(), 'register', body)
    expect([reply.status, reply.json()['code']]).toEqual([status, code])
    expect(reply.headers['content-type']).toMatch(/^application\/problem\+json/)
  })

  it('a call from a page of another site is refused', async () => {
    const reply = await house.server.client().request('/api/v1/auth/register', {
      method: 'POST',
      json: { email: freshAddress(), password: goodPassword },
      headers: { origin: 'https://evil.example' },
    })
    expect(reply.status).toBe(403)
  })
})

describe('a forgotten password', () => {
  it('by token, and by code where it was asked for; 202 for everybody', async () => {
    const person = await house.person()
    const client = house.server.client()
    const asked = await call(client, 'forgot-password', { login: person.email })
    const nobody = await call(client, 'forgot-password', { login: freshAddress() })
    for (const { status, json } of [asked, nobody])
      expect([status, json()]).toEqual([202, { status: 'reset_sent', id: expect.any(String) as string }])
    const letter = await inbox.letter(person.email)
    const weak = await call(client, 'reset-password', { token: tokenOf(letter), password: 'password123' })
    expect([weak.status, weak.json()['code']]).toEqual([422, 'weak_password'])
    const done = await call(client, 'reset-password', { token: tokenOf(letter), password: 'seven loud brass bells' })
    expect([done.status, done.json()]).toEqual([200, { status: 'password_set' }])
    expect(client.jar.get('kw_session')).toBeUndefined()
    const again = await call(client, 'reset-password', { token: tokenOf(letter), password: 'another good enough one' })
    expect([again.status, again.json()['code']]).toEqual([400, 'dead_link'])

    const { id } = (await call(client, 'forgot-password', { login: person.email })).json<{ id: string }>()
    const { code } = await inbox.letter(person.email, { kind: 'reset_password', after: letter })
    const refused = await call(client, 'reset-password', { id, code, password: 'password123' })
    const { token } = refused.json<{ token: string }>()
    const last = await call(client, 'reset-password', { token, password: 'nine slow paper ships' })
    expect(last.json()).toEqual({ status: 'password_set' })
    await signIn(house.server.client(), { ...person, password: 'nine slow paper ships' })
  })

  it('after five letters in an hour it is 429, for known and unknown alike', async () => {
    const person = await house.person()
    const statuses = await Promise.all(
      [person.email, freshAddress()].map(async (login) => {
        const client = house.server.client()
        const seen: number[] = []
        for (let asked = 0; asked < 6; asked += 1) seen.push((await call(client, 'forgot-password', { login })).status)
        return seen
      }),
    )
    expect(statuses[0]).toEqual([202, 202, 202, 202, 202, 429])
    expect(statuses[1]).toEqual(statuses[0])
  })
})

describe('sign-in by mail', () => {
  it('by code and by token', async () => {
    const person = await house.person()
    const client = house.server.client()
    const { id } = (await call(client, 'email-code', { login: person.email })).json<{ id: string }>()
    const letter = await inbox.letter(person.email)
    const done = await call(client, 'email-code/verify', { id, code: letter.code })
    expect(done.json()).toMatchObject({ status: 'complete', user: { email: person.email } })
    const other = house.server.client()
    await call(other, 'email-code', { login: person.email })
    const newer = await inbox.letter(person.email, { kind: 'sign_in', after: letter })
    const third = house.server.client()
    const byLink = await call(third, 'email-code/verify', { token: tokenOf(newer) })
    expect(byLink.json()).toMatchObject({ status: 'complete' })
    const used = await call(third, 'email-code/verify', { token: tokenOf(newer) })
    expect([used.status, used.json()['code']]).toEqual([400, 'dead_link'])
  })
})

describe('the older calls', () => {
  it('A: POST /auth/register with email, password and full_name', async () => {
    const email = freshAddress()
    const client = house.server.client()
    const reply = await call(client, '/auth/register', { email, password: goodPassword, full_name: 'Ada Lovelace' })
    expect([reply.status, reply.json()['status']]).toEqual([202, 'verification_sent'])
    expect(reply.headers['link']).toContain('successor-version')
    const { code } = await inbox.letter(email)
    const done = await call(client, 'verify-email', { id: reply.json<{ id: string }>().id, code })
    expect(done.json()).toMatchObject({ user: { name: 'Ada Lovelace' } })
  })

  it('D: POST /register as a form is the page', async () => {
    const email = freshAddress()
    const client = house.server.client()
    const page = await register(client, { email, name: 'Ada' })
    const { code } = await inbox.letter(email)
    expectPage(await typeCode(client, page, code), 200, 'Your account')
  })
})

describe('who may register', () => {
  it.each([
    [{ KEYWRIGHT_SIGNUP: 'off' }, 'a@b.example', 403],
    [{ KEYWRIGHT_SIGNUP: 'invite' }, 'a@b.example', 403],
    [{ KEYWRIGHT_SIGNUP: 'domains', KEYWRIGHT_SIGNUP_DOMAINS: 'example.com, bücher.example' }, 'a@Example.com', 202],
    [
      { KEYWRIGHT_SIGNUP: 'domains', KEYWRIGHT_SIGNUP_DOMAINS: 'example.com, bücher.example' },
      'a@xn--bcher-kva.example',
      202,
    ],
    [{ KEYWRIGHT_SIGNUP: 'domains', KEYWRIGHT_SIGNUP_DOMAINS: 'example.com' }, 'a@sub.example.com', 403],
    [{ KEYWRIGHT_SIGNUP: 'domains', KEYWRIGHT_SIGNUP_DOMAINS: 'example.com' }, 'a@notexample.com', 403],
    [{ KEYWRIGHT_SIGNUP: 'domains', KEYWRIGHT_SIGNUP_DOMAINS: 'example.com' }, 'a@example.com.evil.example', 403],
  ])('%j: %s gets %i', async (env, email, status) => {
    const { server } = await openHouse({ env })
    const client = server.client()
    const reply = await call(client, 'register', { email, password: goodPassword })
    expect(reply.status).toBe(status)
    const pages = { 202: 303, 403: env.KEYWRIGHT_SIGNUP === 'domains' ? 422 : 403 }
    const page = await client.get('/register')
    const form = page.status === 200 ? await client.submit(page, { email, name: 'A', password: goodPassword }) : page
    expect(form.status).toBe(pages[status as 202 | 403])
    expect(status === 202 ? 'signup_closed' : reply.json()['code']).toBe('signup_closed')
  })
})
