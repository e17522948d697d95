/** Leaving and staying: security rules GD-1, LI-4, LI-1, MF-1, AZ-12, RC-1 (security.md 1.4, 1.8). */
import { beforeAll, describe, expect, it } from 'vitest'
import { eraseDue } from '../../src/users/erase.ts'
import { callerWith } from '../support/api.ts'
import { authenticatorOf } from '../support/factors.ts'
import type { TestClient, TestUser } from '../support/fixtures.ts'
import { authorizePath } from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { type InProcess, startInProcess } from '../support/in-process.ts'
import { offline, type Person } from '../support/oauth.ts'
import { proveAgain, sendForm } from '../support/own-page.ts'
import { eventsOf } from '../support/written.ts'

const day = 86_400
let home: InProcess
let app: TestClient

beforeAll(async () => {
  home = await startInProcess()
  app = await home.client({ first_party: false })
})

const statusOf = async (user: TestUser): Promise<string | undefined> =>
  (await home.db<{ status: string }[]>`select status from users where id = ${user.user_id}`)[0]?.status

const signIn = async (user: TestUser, password = user.password): Promise<{ client: HttpClient; reply: Reply }> => {
  const client = home.server.client()
  const reply = await client.submit(await client.get('/login'), { login: user.email, password })
  return { client, reply }
}

/** Leaves by the page. */
const leave = async ({ user, browser }: Person): Promise<Reply> =>
  await sendForm(browser, await browser.get('/account/delete'), '/account/delete', { login: user.email })

const linkOf = async (user: TestUser): Promise<string> => {
  const { link } = await home.inbox.letter(user.email, { kind: 'erasure_requested' })
  return link.replace(home.server.issuer, '')
}

describe('LI-4', () => {
  it.each([
    [299, 200],
    [301, 303],
  ])('the page, %i seconds after the proof: %i', async (seconds, status) => {
    const { browser, user } = await home.person()
    home.pass(seconds)
    const reply = await browser.get('/account/delete')
    expect([reply.status, reply.location?.pathname]).toEqual([status, status === 200 ? undefined : '/login'])
    const again = status === 200 ? reply : await proveAgain(browser, reply, user.password)
    expect(again.url.pathname).toBe('/account/delete')
  })

  it('the page of the fresh proof has a way back', async () => {
    const { browser } = await home.person()
    home.pass(301)
    const page = await browser.walk(browser.get('/account/delete'))
    expect(page.url.pathname).toBe('/login')
    expect(page.body).toContain('href="/account">Back</a>')
  })

  it('a form that was open for too long deletes nothing, and leads to a fresh proof', async () => {
    const person = await home.person()
    const page = await person.browser.get('/account/delete')
    home.pass(301)
    const reply = await sendForm(person.browser, page, '/account/delete', { login: person.user.email })
    expect(reply.location?.search).toBe('?again=1&return_to=%2Faccount%2Fdelete')
    expect(await statusOf(person.user)).toBe('active')
  })

  it('the API: 202 at 299 seconds, 403 with the way on at 301', async () => {
    for (const [seconds, status] of [
      [299, 202],
      [301, 403],
    ] as const) {
      const { browser, user } = await home.person()
      const { call } = await callerWith(home, browser)
      home.pass(seconds)
      const reply = await call('DELETE', 'users/me')
      expect(reply.status).toBe(status)
      const { status: became, code, continue: way = '' } = reply.json<Record<string, string | undefined>>()
      const told = status === 202 ? [became] : [code, way.includes('/login?again=1')]
      expect(told).toEqual(status === 202 ? ['pending_erasure'] : ['reauthentication_required', true])
      expect(await statusOf(user)).toBe(status === 202 ? 'pending_erasure' : 'active')
    }
  })
})

describe('GD-1: at once', () => {
  it('sessions, tokens, consents, devices, links and sign-ins under way end in one transaction', async () => {
    const person = await home.person()
    const { user } = person
    const other = await home.person(user)
    const own = await home.client()
    const direct = await home.grant(other, own, { scope: offline })
    await authenticatorOf(home.ctx, user.user_id)
    expect((await signIn(user)).reply.location?.pathname).toBe('/factor')
    expect(await home.db`select 1 from sign_ins where user_id = ${user.user_id}`).toHaveLength(1)
    await home.db`insert into consents (user_id, client_id, scopes, granted_at, updated_at)
      values (${user.user_id}, ${app.client_id}, '{openid}', now(), now()) on conflict do nothing`
    expect((await home.userinfo(direct.access_token)).status).toBe(200)
    const reply = await leave(person)
    expect(reply.status).toBe(200)
    expect(reply.body).toContain('You have left')
    expect(person.browser.jar.get('kw_session')).toBeUndefined()
    for (const table of ['consents', 'devices', 'sign_ins'])
      expect([table, await home.db`select 1 from ${home.db(table)} where user_id = ${user.user_id}`]).toEqual([
        table,
        [],
      ])
    expect(await home.db`select 1 from sessions where user_id = ${user.user_id} and ended_at is null`).toEqual([])
    const open = await home.db<{ purpose: string }[]>`
      select purpose from one_time_tokens where user_id = ${user.user_id} and used_at is null`
    expect(open.map(({ purpose }) => purpose)).toEqual(['cancel_erasure'])
    expect((await home.userinfo(direct.access_token)).status).toBe(401)
    expect((await home.refresh(own, direct.refresh_token)).json()).toMatchObject({ error: 'invalid_grant' })
    expect((await other.browser.get('/account')).location?.pathname).toBe('/login')
    expect((await eventsOf(home.db, user)).map(({ type }) => type)).toContain('user.erasure_requested')
  })

  it('SO-2: an address that nobody has proved gets no link with which the account can be kept', async () => {
    const person = await home.person(await home.user({ email_verified: false }))
    expect((await leave(person)).status).toBe(200)
    expect(await home.inbox.letters(person.user.email)).toEqual([])
    expect(await home.db`select 1 from one_time_tokens where user_id = ${person.user.user_id}`).toEqual([])
  })

  it('only who types the name of the account, and never the last administrator', async () => {
    const person = await home.person()
    const page = await person.browser.get('/account/delete')
    const wrong = await sendForm(person.browser, page, '/account/delete', { login: 'somebody@example.com' })
    expect([wrong.status, wrong.body.includes('That is not this account')]).toEqual([422, true])
    expect(await statusOf(person.user)).toBe('active')
    const admin = await home.person(await home.user({ roles: ['admin'] }))
    const refused = await leave(admin)
    expect([refused.status, refused.body.includes('You are the only administrator')]).toEqual([409, true])
    const { call } = await callerWith(home, admin.browser)
    expect((await call('DELETE', 'users/me')).json()).toMatchObject({ status: 409, code: 'last_administrator' })
    const second = await home.person(await home.user({ roles: ['admin'] }))
    const both = await Promise.all([leave(admin), leave(second)])
    expect(both.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([200, 409])
  })
})

describe('who signs in to an account that is leaving', () => {
  it('is offered nothing but to keep it: no session, no code, no token', async () => {
    const person = await home.person()
    await leave(person)
    const { client, reply } = await signIn(person.user)
    expect([reply.status, reply.location?.pathname]).toEqual([303, '/factor/erasure'])
    expect(client.jar.get('kw_session')).toBeUndefined()
    const page = await client.walk(reply)
    expect(page.body).toContain('Keep your account?')
    expect((await client.get('/account')).location?.pathname).toBe('/login')
    for (const path of ['/factor', '/factor/action', '/factor/mail', '/factor/enrol']) {
      const sign_in = page.url.searchParams.get('sign_in') ?? ''
      const elsewhere = await client.get(`${path}?sign_in=${sign_in}`)
      expect([path, elsewhere.location?.pathname]).toEqual([path, '/factor/erasure'])
    }
    const request = authorizePath({ ...app, client_name: '' }, { prompt: 'none' })
    expect((await client.get(request)).location?.searchParams.get('error')).toBe('login_required')
    expect(await home.db`select 1 from sessions where user_id = ${person.user.user_id} and ended_at is null`).toEqual(
      [],
    )
    expect(await statusOf(person.user)).toBe('pending_erasure')
  })

  it('LI-1: a wrong password is answered as everybody’s', async () => {
    const person = await home.person()
    await leave(person)
    const [leaving, nobody] = [
      await signIn(person.user, 'a wrong guess at it'),
      await signIn({ ...person.user, email: 'nobody-at-all@example.com' }, 'a wrong guess at it'),
    ]
    expect(leaving.reply.status).toBe(401)
    const plain = ({ body }: Reply, email: string): string =>
      body.replaceAll(email, 'EMAIL').replaceAll(/nonce="[^"]+"|name="csrf" value="[^"]+"/g, '')
    expect(plain(leaving.reply, person.user.email)).toBe(plain(nobody.reply, 'nobody-at-all@example.com'))
  })

  it('MF-1: the second step comes first', async () => {
    const person = await home.person()
    const phone = await authenticatorOf(home.ctx, person.user.user_id)
    await leave(person)
    const { client, reply } = await signIn(person.user)
    expect(reply.location?.pathname).toBe('/factor')
    const page = await client.walk(reply)
    const skipped = await client.get(`/factor/erasure${page.url.search}`)
    expect(skipped.location?.pathname).toBe('/factor')
    const confirmed = await client.walk(client.submit(page, { code: phone.code(home.ctx.now().getTime()) }))
    expect(confirmed.url.pathname).toBe('/factor/erasure')
    expect(client.jar.get('kw_session')).toBeUndefined()
  })

  it('keeps it by one press, and is signed in then; applications have to ask again', async () => {
    const person = await home.person()
    await leave(person)
    const { client, reply } = await signIn(person.user)
    const page = await client.walk(reply)
    const kept = await client.walk(sendForm(client, page, '/factor/erasure'))
    expect(kept.url.pathname).toBe('/account')
    expect(await statusOf(person.user)).toBe('active')
    expect((await eventsOf(home.db, person.user)).map(({ type }) => type)).toContain('user.erasure_cancelled')
    home.pass(8 * day)
    await eraseDue(home.ctx)
    expect(await statusOf(person.user)).toBe('active')
  })

  it('AZ-12: nobody keeps it in another browser', async () => {
    const person = await home.person()
    await leave(person)
    const { client, reply } = await signIn(person.user)
    const page = await client.walk(reply)
    const thief = home.server.client()
    expect((await thief.get(`${page.url.pathname}${page.url.search}`)).status).toBe(400)
    expect((await sendForm(thief, page, '/factor/erasure')).status).toBe(400)
    expect(await statusOf(person.user)).toBe('pending_erasure')
  })
})

describe('RC-1: the link of the letter', () => {
  it('changes nothing when it is opened, keeps the account once, and signs nobody in', async () => {
    const person = await home.person()
    await leave(person)
    const link = await linkOf(person.user)
    const client = home.server.client()
    const page = await client.get(link)
    expect([page.status, page.headers['referrer-policy']]).toEqual([200, 'strict-origin'])
    expect(await statusOf(person.user)).toBe('pending_erasure')
    const replies = await Promise.all(
      Array.from({ length: 5 }, async () => await sendForm(client, page, '/keep-account')),
    )
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(await statusOf(person.user)).toBe('active')
    expect(client.jar.get('kw_session')).toBeUndefined()
    expect((await client.get(link)).status).toBe(400)
    expect((await signIn(person.user)).reply.location?.pathname).toBe('/account')
  })

  it('is worth nothing for another purpose, and nothing else works here (G-5)', async () => {
    const person = await home.person()
    await leave(person)
    const token = new URL(await linkOf(person.user), home.server.issuer).searchParams.get('token') ?? ''
    const client = home.server.client()
    for (const path of ['/reset', '/not-me', '/undo-email', '/verify'])
      expect([path, (await client.get(`${path}?token=${token}`)).status]).not.toEqual([path, 200])
    for (const wrong of ['', 'kw_ot_x', token.slice(0, -1), `${token}x`]) {
      const reply = await client.request('/api/v1/auth/keep-account', { method: 'POST', json: { token: wrong } })
      expect([reply.status, reply.json()['code']]).toEqual([400, 'dead_link'])
    }
    const kept = await client.request('/api/v1/auth/keep-account', { method: 'POST', json: { token } })
    expect(kept.json()).toEqual({ status: 'active' })
  })

  it('lives as long as the account, and no longer', async () => {
    const [early, late] = [await home.person(), await home.person()]
    await leave(early)
    await leave(late)
    const links = [await linkOf(early.user), await linkOf(late.user)]
    home.pass(7 * day - 1)
    const client = home.server.client()
    expect((await client.get(links[0] ?? '')).status).toBe(200)
    home.pass(2)
    expect((await client.get(links[1] ?? '')).status).toBe(400)
  })
})
