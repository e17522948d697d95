/** How long proofs, codes and trusted devices hold, to the second: rules LI-4, MF-3, MF-4 (security.md 1.4, 1.9). No job runs here. */
import { beforeAll, describe, expect, it } from 'vitest'
import { sendCode } from '../../src/factors/codes.ts'
import { changePassword } from '../../src/users/status.ts'
import { callerWith } from '../support/api.ts'
import { type Authenticator, authenticatorOf, backupCodesOf, chooseCodes, someNumber } from '../support/factors.ts'
import type { TestUser } from '../support/fixtures.ts'
import { expectPage } from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { type InProcess, startInProcess } from '../support/in-process.ts'

let home: InProcess
const day = 86_400
const second = 'Confirm that it is you'

beforeAll(async () => {
  home = await startInProcess({ KEYWRIGHT_SESSION_IDLE_SECONDS: String(60 * day) })
})

const typePassword = async (client: HttpClient, user: TestUser, path = '/login'): Promise<Reply> => {
  const page = await client.walk(client.get(path))
  return await client.walk(client.submit(page, { login: user.email, password: user.password }))
}

const confirm = async (client: HttpClient, page: Reply, values: Record<string, string>): Promise<Reply> =>
  await client.walk(client.submit(page, values))

/** Sends the browser to where a second step is due again: without its session, but with its device. */
const forgetSession = (client: HttpClient): void => client.jar.delete('kw_session')

const withPhone = async (): Promise<{ user: TestUser; phone: Authenticator; client: HttpClient }> => {
  const user = await home.user()
  const phone = await authenticatorOf(home.ctx, user.user_id)
  return { user, phone, client: home.server.client() }
}

const codeOf = (phone: Authenticator): string => phone.code(home.ctx.now().getTime())

describe('LI-4: a proof is fresh for five minutes', () => {
  it('a second less than that, and at the bound itself; a second later no more', async () => {
    const { client } = await withPhone()
    const user = await home.user()
    await typePassword(client, user)
    home.pass(299)
    expect((await client.get('/account/factors/totp')).status).toBe(200)
    home.pass(1)
    expect((await client.get('/account/factors/totp')).status).toBe(200)
    home.pass(1)
    expect((await client.get('/account/factors/totp')).location?.pathname).toBe('/login')
  })
})

describe('LI-4, RFC 9470: an application that calls for somebody', () => {
  it('is told with 401 that a fresher sign-in is needed, and how fresh', async () => {
    const api = `${home.server.issuer}/api/v1`
    const app = await home.client({ resources: [api], scope: 'openid account' })
    const person = await home.person()
    const { access_token } = await home.grant(person, app, { scope: 'openid account', resource: api })
    const path = '/api/v1/users/me/factors'
    const headers = { authorization: `Bearer ${access_token}` }
    const begin = async (): Promise<Reply> =>
      await home.server.client().request(path, { method: 'POST', headers, json: { kind: 'totp' } })
    home.pass(290)
    expect((await begin()).status).toBe(201)
    home.pass(11)
    // The token has expired by now as well: another one of the same session tells the same instant.
    const again = await home.grant(person, app, { scope: 'openid account', resource: api })
    const reply = await home.server.client().request(path, {
      method: 'POST',
      headers: { authorization: `Bearer ${again.access_token}` },
      json: { kind: 'totp' },
    })
    expect([reply.status, reply.json()['code']]).toEqual([401, 'insufficient_user_authentication'])
    expect(reply.headers['www-authenticate']).toContain('max_age="300"')
  })
})

describe('MF-2: the code of an authenticator', () => {
  it.each([
    [-2, 401],
    [-1, 200],
    [0, 200],
    [1, 200],
    [2, 401],
  ])('%i steps from now: %i', async (steps, status) => {
    const { user, phone, client } = await withPhone()
    const page = await typePassword(client, user)
    const code = phone.code(home.ctx.now().getTime(), steps)
    expect((await confirm(client, page, { code })).status).toBe(status)
  })

  it('a hundred wrong ones in a row, over all sign-ins, block this kind and no other', async () => {
    const { user, phone } = await withPhone()
    const { user_id } = user
    const [backup = ''] = await backupCodesOf(home.ctx, user_id)
    const inRow = async (): Promise<number> =>
      (
        await home.db<{ consecutive: number }[]>`
          select consecutive from factor_throttles where user_id = ${user_id} and kind = 'totp'`
      )[0]?.consecutive ?? 0
    const begin = async () => {
      const client = home.server.client()
      const page = await typePassword(client, user)
      return async (values: Record<string, string>) => (await confirm(client, page, values)).status
    }
    for (const first of [await begin(), await begin()]) expect(await first({ code: '000000' })).toBe(401)
    expect(await inRow()).toBe(2)
    await home.db`update factor_throttles set consecutive = 98 where user_id = ${user_id}`
    const late = await begin()
    for (const status of [401, 401, 429]) expect(await late({ code: '000000' })).toBe(status)
    expect(await late({ code: codeOf(phone) })).toBe(429)
    expect(await (await begin())({ code: codeOf(phone) })).toBe(429)
    expect(await (await begin())({ code: backup, kind: 'backup_code' })).toBe(200)
    // The hundredth may still be right; then none counts any more.
    await home.db`update factor_throttles set consecutive = 99 where user_id = ${user_id}`
    expect(await (await begin())({ code: codeOf(phone) })).toBe(200)
    expect(await inRow()).toBe(0)
  })
})

describe('MF-4: the removal of a second step', () => {
  it('MF-2: bears ten wrong proofs in ten minutes, and then a right one waits too', async () => {
    const person = await home.person()
    const { id } = await authenticatorOf(home.ctx, person.user.user_id)
    const codes = await backupCodesOf(home.ctx, person.user.user_id)
    const { call } = await callerWith(home, person.browser)
    const remove = async (code: string): Promise<number> =>
      (await call('POST', `users/me/factors/${id}/remove`, { kind: 'backup_code', code })).status
    // Counted in pieces of ten minutes: one begins here.
    home.pass(600 - (Math.floor(home.ctx.now().getTime() / 1000) % 600))
    await home.db`update sessions set auth_time = ${home.ctx.now()} where user_id = ${person.user.user_id}`
    home.ctx.sessions.clear()
    for (let turn = 0; turn < 10; turn += 1) expect(await remove('0000-0000-0000-0000-0000')).toBe(401)
    expect(await remove(codes[0] ?? '')).toBe(429)
    home.pass(600)
    await home.db`update sessions set auth_time = ${home.ctx.now()} where user_id = ${person.user.user_id}`
    home.ctx.sessions.clear()
    expect(await remove(codes[0] ?? '')).toBe(204)
  })
})

describe('MF-4: a trusted device', () => {
  const trusted = async () => {
    const made = await withPhone()
    const page = await typePassword(made.client, made.user)
    expectPage(page, 200, second)
    expectPage(await confirm(made.client, page, { code: codeOf(made.phone), trust_device: '1' }), 200, 'Your account')
    forgetSession(made.client)
    home.pass(1)
    return made
  }

  it('spares the second step for thirty days, to the second', async () => {
    const { client, user } = await trusted()
    home.pass(30 * day - 2)
    expectPage(await typePassword(client, user), 200, 'Your account')
    forgetSession(client)
    home.pass(1)
    expectPage(await typePassword(client, user), 200, second)
  })

  it('is that of one person and one browser', async () => {
    const { client, user } = await trusted()
    expectPage(await typePassword(home.server.client(), user), 200, second)
    const other = await withPhone()
    expectPage(await typePassword(client, other.user), 200, second)
  })

  it('says in its session what was proved, and is never enough for a fresh proof (LI-4)', async () => {
    const { client, user, phone } = await trusted()
    expectPage(await typePassword(client, user), 200, 'Your account')
    const [session] = await home.db`
      select acr, device_trusted from sessions where user_id = ${user.user_id} order by created_at desc limit 1`
    expect(session).toEqual({ acr: 'aal1', device_trusted: true })
    const login = await client.walk(client.get('/account/factors/totp'))
    expect(login.url.pathname).toBe('/login')
    const page = await client.walk(client.submit(login, { password: user.password }))
    expectPage(page, 200, second)
    home.pass(30)
    expectPage(await confirm(client, page, { code: codeOf(phone) }), 200, 'Set up an authenticator app')
  })

  it('is never enough for an application that asks for two factors', async () => {
    const { client, user } = await trusted()
    await typePassword(client, user)
    const app = await home.client()
    const query = { response_type: 'code', client_id: app.client_id, redirect_uri: app.redirect_uri, scope: 'openid' }
    const pkce = { code_challenge: 'a'.repeat(43), code_challenge_method: 'S256', acr_values: 'aal2' }
    const path = `/oauth/authorize?${new URLSearchParams({ ...query, ...pkce }).toString()}`
    expectPage(await client.walk(client.get(path)), 200, second)
  })

  it('goes with the password', async () => {
    const { client, user } = await trusted()
    const password_hash = await home.ctx.hashing.hash(user.password)
    await home.revoking(async (ctx) => await changePassword(ctx, user.user_id, password_hash))
    expectPage(await typePassword(client, user), 200, second)
  })
})

describe('MF-3: a mailed code', () => {
  const mailed = async () => {
    const user = await home.user()
    await chooseCodes(home.ctx, user.user_id, { channel: 'email', destination: user.email })
    const client = home.server.client()
    const page = await typePassword(client, user)
    const send = async () => await client.walk(client.submit(page, {}, { button: { name: 'send' } }))
    return { user, client, page, send }
  }

  it('works for ten minutes at most', async () => {
    const [one, two] = [await mailed(), await mailed()]
    // The sign-in itself lives as long: it begins a moment before.
    const [first, late] = [await one.send(), await two.send()]
    const [early, other] = [await home.inbox.letter(one.user.email), await home.inbox.letter(two.user.email)]
    home.pass(599)
    expectPage(await confirm(one.client, first, { code: early.code }), 200, 'Your account')
    home.pass(1)
    const reply = await confirm(two.client, late, { code: other.code })
    expect(reply.status).toBe(400)
  })

  it('proves the way by which it was sent, to the number that still counts', async () => {
    const both = async () => {
      const user = await home.user()
      const number = someNumber()
      await chooseCodes(home.ctx, user.user_id, { channel: 'email', destination: user.email })
      await chooseCodes(home.ctx, user.user_id, { channel: 'sms', destination: number })
      const client = home.server.client()
      return { user, number, client, page: await typePassword(client, user) }
    }
    const send = async ({ client, page }: Awaited<ReturnType<typeof both>>, kind: string): Promise<Reply> =>
      await client.walk(client.submit(page, { kind }, { button: { name: 'send' } }))
    for (const [by, as] of [
      ['email', 'sms'],
      ['sms', 'email'],
    ] as const) {
      const one = await both()
      const page = await send(one, by)
      const { code } = await home.inbox.letter(by === 'sms' ? one.number : one.user.email)
      expect((await confirm(one.client, page, { kind: as, code })).status).toBe(401)
    }
    const two = await both()
    const sent = await send(two, 'sms')
    const message = await home.inbox.letter(two.number)
    await chooseCodes(home.ctx, two.user.user_id, { channel: 'sms', destination: someNumber() })
    expect((await confirm(two.client, sent, { kind: 'sms', code: message.code })).status).toBe(401)
    const three = await both()
    const texted = await send(three, 'sms')
    const { code } = await home.inbox.letter(three.number)
    expect((await confirm(three.client, texted, { kind: 'sms', code })).status).toBe(200)
  })

  it('thirty in a day for one person, wherever to', async () => {
    const [user, other] = [await home.user(), await home.user()]
    const send = async (user_id: string, turn: number): Promise<string | undefined> => {
      const place = { user_id, purpose: 'change_phone' as const, browser: 'b', transaction: 't', now: home.ctx.now() }
      const sending = { ...place, channel: 'sms' as const, address: someNumber(), credential: '', locale: undefined }
      return (await sendCode(home.ctx, { ...sending, transaction: `t${turn}` }))?.error
    }
    // Counted from midnight (UTC): the day begins here.
    home.pass(day - (Math.floor(home.ctx.now().getTime() / 1000) % day))
    for (let turn = 0; turn < 30; turn += 1) expect(await send(user.user_id, turn)).toBeUndefined()
    expect(await send(user.user_id, 30)).toBe('too_many_codes')
    expect(await send(other.user_id, 0)).toBeUndefined()
    home.pass(day - 1)
    expect(await send(user.user_id, 31)).toBe('too_many_codes')
    home.pass(1)
    expect(await send(user.user_id, 32)).toBeUndefined()
  })

  it('three in ten minutes, then again', async () => {
    const { user, send } = await mailed()
    for (let sent = 0; sent < 3; sent += 1) expect((await send()).status).toBe(200)
    expect((await send()).status).toBe(429)
    home.pass(301)
    expect((await send()).status).toBe(429)
    const again = async (): Promise<number> => {
      const client = home.server.client()
      const page = await typePassword(client, user)
      return (await client.walk(client.submit(page, {}, { button: { name: 'send' } }))).status
    }
    home.pass(300)
    expect(await again()).toBe(200)
    for (let sent = 0; sent < 2; sent += 1) expect(await again()).toBe(200)
    home.pass(601)
    for (let sent = 0; sent < 3; sent += 1) expect(await again()).toBe(200)
    home.pass(601)
    // Nine so far; ten in a day.
    expect(await again()).toBe(200)
    home.pass(601)
    expect(await again()).toBe(429)
  })
})
