/** Signing in with a name and a password, and how long that lasts. */
import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { changePassword, changeStatus, removeUser } from '../../src/users/status.ts'
import {
  type App,
  ask,
  askSilently,
  authorizePath,
  decide,
  expectCode,
  expectPage,
  type House,
  openHouse,
  type Person,
  redeem,
  signIn,
  signInOn,
  typePassword,
} from '../support/flow.ts'
import { eventsOf, moveSession, sessionRow } from '../support/written.ts'
import type { HttpClient, Reply } from '../support/http.ts'

let house: House
let app: App
let ada: Person

beforeAll(async () => {
  house = await openHouse({ env: { KEYWRIGHT_THROTTLE_FREE: '20' } })
  app = await house.app({ first_party: true })
  ada = await house.person({ email: 'Ada.Lovelace@Example.COM', username: 'Ada_L', name: 'Ada Lovelace' })
})

const tryOn = async (login: string, password: string): Promise<{ client: HttpClient; reply: Reply }> => {
  const client = house.server.client()
  return { client, reply: await typePassword(client, await client.get('/login'), login, password) }
}

describe('the page', () => {
  it('asks for a name and a password, helps password managers, and is not stored', async () => {
    const page = await house.server.client().get('/login')
    expectPage(page, 200, 'Sign in')
    expect(page.headers['cache-control']).toBe('no-store')
    const [form, passkey, ...others] = page.forms
    expect(others.map(({ action }) => action)).toEqual([''])
    // What the script fills in; without one nobody sees it.
    expect(passkey?.fields.map(({ name }) => name)).toEqual(['csrf', 'credential'])
    expect(form).toMatchObject({ method: 'post', action: '/login' })
    expect(form?.fields.map(({ name }) => name)).toEqual(['csrf', 'login', 'password'])
    expect(page.body).toMatch(/name="login"[^>]*autocomplete="username webauthn"/)
    expect(page.body).toMatch(/type="password"[^>]*autocomplete="current-password"/)
  })

  it('the whole way works without JavaScript: no page needs a script to be sent', async () => {
    // The client of these tests runs no script at all; here the pages are asked whether a browser without one could go on.
    const client = house.server.client()
    const third = await house.app({ redirect_uris: ['https://third.example/callback'] })
    const login = await ask(client, third, { scope: 'openid email' })
    expect(login.forms[0]?.buttons.some(({ text }) => text === 'Sign in')).toBe(true)
    const consent = await signInOn(client, login, ada)
    expect(consent.forms[0]?.buttons.map(({ text }) => text)).toEqual(expect.arrayContaining(['Allow', 'Deny']))
    const code = expectCode(await decide(client, consent, 'allow'), third, house.server.issuer)
    expect((await redeem(client, third, code)).status).toBe(200)
    const posted = await ask(client, third, { scope: 'openid email', response_mode: 'form_post' })
    expect(posted.forms[0]?.buttons.map(({ text }) => text)).toEqual(['Continue'])
    for (const page of [login, consent, posted])
      expect(page.body).not.toMatch(/<form(?![^>]*data-passkey)[^>]*hidden|href="javascript:/)
    const logout = await client.get('/logout')
    expect(logout.forms[0]?.buttons.map(({ value }) => value)).toEqual(['here', 'everywhere', 'cancel'])
  })

  it('with a session and nothing to sign in for, it leads to the own page', async () => {
    const client = house.server.client()
    const page = await signIn(client, ada)
    expect(page.url.pathname).toBe('/account')
    expect((await client.get('/login')).location?.pathname).toBe('/account')
  })
})

describe('who it is', () => {
  it.each([
    'ada.lovelace@example.com',
    'ADA.LOVELACE@EXAMPLE.COM',
    '  Ada.Lovelace@example.com  ',
    'ada_l',
    'ADA_L',
    'ａｄａ_l',
    'ada.lovelace＠example.com'.replace('＠', '@'),
  ])('%j is the same person', async (login) => {
    const { client, reply } = await tryOn(login, ada.password)
    expect(reply.status).toBe(303)
    expect((await sessionRow(house.sql, client))?.user_id).toBe(ada.user_id)
  })

  it.each(['ada.lovelace', 'ada_l@', '@ada_l', 'ada.lovelace@example.com.evil', 'ada_l\u0000', '', "' or '1'='1"])(
    '%j is nobody',
    async (login) => {
      const { client, reply } = await tryOn(login, ada.password)
      expect([400, 401]).toContain(reply.status)
      expect(await sessionRow(house.sql, client)).toBeUndefined()
    },
  )

  it('the same password typed on two keyboards is the same password (NIST SP 800-63B §3.1.1.2)', async () => {
    const person = await house.person({ password: 'cafe\u0301 at the ﬁrst pier' })
    expect((await tryOn(person.email, 'café at the first pier')).reply.status).toBe(303)
    expect((await tryOn(person.email, 'cafe at the first pier')).reply.status).toBe(401)
  })

  it('RFC 9700 §4.12: after the password a 303, never a 307 or 308', async () => {
    const { reply } = await tryOn(ada.email, ada.password)
    expect([reply.status, reply.location?.pathname]).toEqual([303, '/account'])
  })
})

describe('what is written down', () => {
  it('a sign-in: who, from where, by what, into which session', async () => {
    const person = await house.person()
    const client = house.server.client()
    const page = await client.get('/login')
    const reply = await client.submit(page, { login: person.email, password: person.password })
    const session = await sessionRow(house.sql, client)
    const events = await eventsOf(house.sql, person)
    expect(events.at(-1)).toEqual({
      type: 'login.succeeded',
      outcome: 'success',
      severity: 'info',
      user_id: person.user_id,
      client_id: null,
      session_id: session?.id,
      ip: '127.0.0.1',
      request_id: reply.headers['x-request-id'],
      data: { method: 'password', amr: ['pwd'], acr: 'aal1' },
    })
  })

  it('a refused one: the event, and the reason for the operator only', async () => {
    const client = house.server.client()
    const page = await ask(client, app)
    const reply = await typePassword(client, page, ada.email, 'a wrong password')
    expectPage(reply, 401, /./)
    expect(reply.body).toContain('That did not match')
    expect(reply.body).not.toContain('a wrong password')
    expect(reply.forms[0]?.fields.find(({ name }) => name === 'login')?.value).toBe(ada.email)
    const request_id = String(reply.headers['x-request-id'])
    const [event] =
      await house.sql`select type, outcome, client_id, user_id from all_events where request_id = ${request_id}`
    expect(event).toEqual({ type: 'login.failed', outcome: 'failure', client_id: app.client_id, user_id: null })
    await expect
      .poll(async () => await house.sql`select error, route, client_id from decisions where request_id = ${request_id}`)
      .toEqual([{ error: 'wrong_credentials', route: '/login', client_id: app.client_id }])
  })

  it('no password, right or wrong, is in the log or in a table', async () => {
    const secret = 'a password seen nowhere else'
    const person = await house.person({ password: secret })
    await tryOn(person.email, secret)
    await tryOn(person.email, `${secret} but wrong`)
    await tryOn(secret, 'typed into the wrong field')
    expect(house.server.output()).not.toContain('seen nowhere else')
    const rows = await house.sql`select to_jsonb(e) from all_events e union all select to_jsonb(d) from decisions d`
    expect(JSON.stringify(rows)).not.toContain('seen nowhere else')
    expect(readdirSync(house.server.dataDir)).not.toContain('log')
  })
})

describe('bad input', () => {
  it('a form that cannot be read, is too large or is none', async () => {
    const client = house.server.client()
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    const page = await client.get('/login')
    const csrf = page.forms[0]?.fields[0]?.value ?? ''
    const cases: [Parameters<HttpClient['request']>[1], number][] = [
      [{ method: 'POST', body: 'login=%ff', headers: type }, 400],
      [{ method: 'POST', body: 'login=a%00b', headers: type }, 400],
      [{ method: 'POST', body: Buffer.from([0x61, 0xff]), headers: type }, 400],
      [{ method: 'POST', form: { csrf, login: 'x'.repeat(70_000) } }, 413],
      [{ method: 'POST', json: { login: 'a', password: 'b' } }, 415],
      [{ method: 'POST', body: 'x', headers: { ...type, 'content-encoding': 'gzip' } }, 415],
      [{ method: 'PUT', form: { login: 'a' } }, 405],
    ]
    for (const [request, status] of cases) {
      const reply = await client.request('/login', request)
      expect([reply.status, reply.location]).toEqual([status, undefined])
      expect(reply.headers['content-type']).toBe('text/html; charset=utf-8')
    }
  })

  it('RL-2: a password beyond 4 KiB is refused like a wrong one', async () => {
    const { reply } = await tryOn(ada.email, 'ä'.repeat(4096))
    expectPage(reply, 401, /./)
  })

  it('repeated fields do not sign anybody in twice or differently', async () => {
    const client = house.server.client()
    const page = await client.get('/login')
    const bob = await house.person()
    const csrf = page.forms[0]?.fields[0]?.value ?? ''
    const pairs: [string, string][] = [
      ['csrf', csrf],
      ['login', ada.email],
      ['login', bob.email],
      ['password', bob.password],
      ['password', ada.password],
    ]
    const reply = await client.request('/login', {
      method: 'POST',
      form: pairs,
      headers: { origin: house.server.issuer },
    })
    expect([400, 401]).toContain(reply.status)
    expect(await sessionRow(house.sql, client)).toBeUndefined()
  })
})

describe('how long it lasts', () => {
  /** A server knows a session by heart for a second: after that the next look is at the row. */
  const forgetCopies = async (): Promise<void> => await sleep(1050)

  /** Asks within the second that a bound at +1 s leaves, however slow the machine is. */
  const atBound = async (client: HttpClient, column: 'idle_expires_at' | 'expires_at', seconds: number) => {
    for (;;) {
      await forgetCopies()
      const begun = performance.now()
      await moveSession(house.sql, client, { [column]: seconds })
      const answer = await askSilently(client, app)
      if (seconds < 0 || performance.now() - begun < 900) return answer
    }
  }

  it.each(['idle_expires_at', 'expires_at'] as const)(
    '%s: alive one second before, over one second after',
    async (column) => {
      const client = house.server.client()
      await signIn(client, await house.person())
      expect(await atBound(client, column, 1)).toBe('code')
      expect(await atBound(client, column, -1)).toBe('login_required')
      expectPage(await client.walk(client.get('/account')), 200, 'Sign in')
    },
  )

  it('a day without use, thirty days at most; use moves the first end and never the second', async () => {
    const client = house.server.client()
    await signIn(client, await house.person())
    const look = async () => {
      const { id = '' } = (await sessionRow(house.sql, client)) ?? {}
      const rows = await house.sql<{ idle: number; absolute: number; expires_at: Date }[]>`
        select extract(epoch from idle_expires_at - last_seen_at)::int as idle,
          extract(epoch from expires_at - created_at)::int as absolute, expires_at from sessions where id = ${id}`
      return rows[0]
    }
    const before = await look()
    expect(before).toMatchObject({ idle: 86_400, absolute: 30 * 86_400 })
    const { id = '' } = (await sessionRow(house.sql, client)) ?? {}
    await house.sql`
      update sessions set last_seen_at = now() - interval '2 hours', idle_expires_at = now() + interval '1 hour' where id = ${id}`
    await forgetCopies()
    expect(await askSilently(client, app)).toBe('code')
    expect(await look()).toEqual(before)
  })

  it('a disabled, locked or deleted person is signed out within two seconds, whoever wrote it', async () => {
    const by: ((id: string) => Promise<unknown>)[] = [
      async (id) => await house.sql`update users set status = 'disabled' where id = ${id}`,
      async (id) => await house.sql`update users set status = 'locked' where id = ${id}`,
      async (id) => await house.sql`delete from users where id = ${id}`,
      async (id) => await house.revoking(async (ctx) => await changeStatus(ctx, id, 'disabled')),
      async (id) => await house.revoking(async (ctx) => await removeUser(ctx, id)),
    ]
    for (const end of by) {
      const person = await house.person()
      const client = house.server.client()
      await signIn(client, person)
      expect(await askSilently(client, app)).toBe('code')
      await end(person.user_id)
      const since = performance.now()
      await expect
        .poll(async () => await askSilently(client, app), { timeout: 5000, interval: 20 })
        .toBe('login_required')
      expect(performance.now() - since).toBeLessThan(2000)
      expect((await client.get(authorizePath(app))).location?.pathname).toBe('/login')
    }
  })

  it('a new password ends every session, and the old one is worth nothing', async () => {
    const person = await house.person()
    const clients = [house.server.client(), house.server.client()]
    for (const client of clients) await signIn(client, person)
    const hash = await house.ctx.hashing.hash('an entirely different thing')
    await house.revoking(async (ctx) => await changePassword(ctx, person.user_id, hash))
    for (const client of clients) {
      await expect.poll(async () => await askSilently(client, app), { timeout: 2000 }).toBe('login_required')
    }
    expect((await tryOn(person.email, person.password)).reply.status).toBe(401)
    expect((await tryOn(person.email, 'an entirely different thing')).reply.status).toBe(303)
  })
})
