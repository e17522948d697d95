/** Security rules LI-1, LI-3, LI-5 and RL-1 (security.md 1.4, 1.7): what a sign-in tells, what it leaves behind, how often. */
import { hash as argon2 } from '@node-rs/argon2'
import { beforeAll, describe, expect, it } from 'vitest'
import { changePassword } from '../../src/users/status.ts'
import { freshDatabase } from '../support/database.ts'
import {
  type App,
  ask,
  askSilently,
  expectPage,
  type House,
  openHouse,
  type Person,
  signIn,
  signInOn,
  typePassword,
} from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { keepPasskey, softPasskey } from '../support/passkey.ts'
import { sessionRow } from '../support/written.ts'

let house: House
let app: App
let ada: Person

beforeAll(async () => {
  // As many free tries as there can be: here the throttle is in the way; its own tests are below.
  house = await openHouse({ env: { KEYWRIGHT_THROTTLE_FREE: '20' } })
  app = await house.app({ first_party: true })
  ada = await house.person()
})

describe('LI-1', () => {
  /** Accounts of every kind, all with Ada's password and with addresses of one length. */
  const kinds = {
    unknown: { status: undefined, hash: true },
    wrong: { status: 'active', hash: true },
    disabled: { status: 'disabled', hash: true },
    locked: { status: 'locked', hash: true },
    passwordless: { status: 'active', hash: false },
    // With a passkey as the only way in.
    keyed: { status: 'active', hash: false },
  } as const
  type Kind = keyof typeof kinds
  let made = 0

  const account = async (kind: Kind): Promise<string> => {
    const { status, hash } = kinds[kind]
    const email = `${kind.slice(0, 5)}${String((made += 1)).padStart(5, '0')}@people.example`
    if (status === undefined) return email
    const id = `kind-${made}`
    await house.sql`insert into users (id, email, email_canonical, status) values (${id}, ${email}, ${email}, ${status})`
    if (hash) {
      await house.sql`
        insert into password_credentials (user_id, password_hash)
        select ${id}, password_hash from password_credentials where user_id = ${ada.user_id}`
    }
    if (kind === 'keyed') await keepPasskey(house.ctx, id, { passkey: softPasskey({ issuer: house.server.issuer }) })
    return email
  }

  /** What is different in every answer, or was typed. */
  const comparable = (reply: Reply, email: string): unknown => {
    const { date, 'x-request-id': requestId, ...headers } = reply.headers
    expect([typeof date, typeof requestId]).toEqual(['string', 'string'])
    const nonce = /nonce-([\w-]+)/.exec(String(headers['content-security-policy']))?.[1] ?? ''
    const csrf = reply.forms[0]?.fields.find(({ name }) => name === 'csrf')?.value ?? ''
    const plain = (text: string): string => text.replaceAll(nonce, 'N').replaceAll(csrf, 'C').replaceAll(email, 'E')
    return {
      status: reply.status,
      headers: JSON.parse(plain(JSON.stringify(headers))) as unknown,
      body: plain(reply.body),
    }
  }

  it('LI-1: unknown, wrong, disabled, locked, without a password and with a passkey only: one status, one body, the same headers', async () => {
    for (const start of [
      async (one: HttpClient) => await one.get('/login'),
      async (one: HttpClient) => await ask(one, app),
    ]) {
      const answers = await Promise.all(
        (Object.keys(kinds) as Kind[]).map(async (kind) => {
          const client = house.server.client()
          const email = await account(kind)
          // The right password, where there is one: what refuses the others is their state.
          const password = kind === 'wrong' ? 'not the password' : ada.password
          const page = await start(client)
          const reply = await typePassword(client, page, email, password)
          expectPage(reply, 401, /./)
          const interaction = page.url.searchParams.get('interaction') ?? 'none'
          return JSON.parse(JSON.stringify(comparable(reply, email)).replaceAll(interaction, 'I')) as unknown
        }),
      )
      for (const answer of answers) expect(answer).toEqual(answers[0])
    }
  })
})

describe('LI-3', () => {
  const cookie = (client: HttpClient, name = 'kw_session'): string => client.jar.get(name)?.value ?? ''
  /** Asks with a session cookie that was copied out of a browser, its device cookie along with it. */
  const silently = async (value: string, from?: HttpClient): Promise<string> => {
    const client = house.server.client()
    const copied = [`kw_session=${value}; Path=/`]
    if (from) copied.push(`kw_device=${cookie(from, 'kw_device')}; Path=/`)
    client.jar.keep(new URL(house.server.issuer), copied)
    return await askSilently(client, app)
  }

  it('LI-3: every sign-in makes a new secret of 256 bits, and the old one is dead', async () => {
    const client = house.server.client()
    const seen: string[] = []
    for (let turn = 0; turn < 3; turn += 1) {
      await signInOn(client, await ask(client, app, { prompt: 'login' }), ada)
      seen.push(cookie(client))
    }
    expect(new Set(seen).size).toBe(3)
    for (const value of seen) expect(value).toMatch(/^[\w-]{43}$/)
    expect(await Promise.all(seen.map(async (value) => await silently(value, client)))).toEqual([
      'login_required',
      'login_required',
      'code',
    ])
  })

  it('LI-3: a cookie that was there before the sign-in is not the one after it, whoever put it there', async () => {
    for (const planted of ['A'.repeat(43), ada.user_id, 'x', '00000000-0000-7000-8000-000000000000']) {
      const client = house.server.client()
      client.jar.keep(new URL(house.server.issuer), [
        `kw_session=${planted}; Path=/`,
        `kw_browser=${'B'.repeat(43)}; Path=/`,
      ])
      await signIn(client, ada)
      expect(cookie(client)).not.toBe(planted)
      expect(await silently(planted, client)).toBe('login_required')
      expect(await silently('B'.repeat(43), client)).toBe('login_required')
    }
  })

  it('LI-3: whoever left a copy of their own session in a browser gets nowhere with it after somebody else signed in there', async () => {
    const mallory = await house.person()
    const [shared, attacker] = [house.server.client(), house.server.client()]
    await signIn(shared, mallory)
    // The copy, taken before the victim comes.
    const copies = ['kw_session', 'kw_device'].map((name) => `${name}=${cookie(shared, name)}; Path=/`)
    attacker.jar.keep(new URL(house.server.issuer), copies)
    await signInOn(shared, await ask(shared, app, { prompt: 'login' }), ada)
    const victim = await sessionRow(house.sql, shared)
    const page = await ask(attacker, app, { prompt: 'select_account' })
    expect(page.body).not.toContain(victim?.id)
    expect(page.body).not.toContain(ada.name)
    expectPage(page, 200, 'Sign in')
    expect(await askSilently(shared, app)).toBe('code')
    // The browser itself still offers both.
    const choice = await ask(shared, app, { prompt: 'select_account' })
    for (const person of [ada, mallory]) expect(choice.body).toContain(person.name)
  })
})

describe('LI-5 and RL-1', () => {
  /** Tries from a browser that nobody knows; the status and how long to wait. */
  const guess = async (of: House, login: string, password: string): Promise<Reply> => {
    const client = of.server.client()
    return await typePassword(client, await client.get('/login'), login, password)
  }

  it('LI-5: every way of writing an account counts in one place, its address and its user name too', async () => {
    const strict = await openHouse({ database: await freshDatabase(), env: { KEYWRIGHT_THROTTLE_FREE: '4' } })
    await strict.person({ email: 'Eve.Doe@example.com', username: 'Eve' })
    const spellings = ['eve.doe@example.com', 'EVE.DOE@EXAMPLE.COM', ' eve.doe@example.com ', 'eve']
    for (const login of spellings) expect((await guess(strict, login, 'wrong')).status).toBe(401)
    for (const login of [...spellings, 'EVE', 'ｅｖｅ']) {
      const reply = await guess(strict, login, 'wrong')
      expect([login, reply.status]).toEqual([login, 429])
      expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0)
    }
    const throttled = await strict.sql`select outcome, severity from all_events where type = 'login.throttled'`
    expect(throttled).toHaveLength(6)
    expect(throttled[0]).toEqual({ outcome: 'failure', severity: 'warning' })
  })

  it('RL-1: 100 guesses at once never exceed the budget, on an account that exists and on one that does not', async () => {
    const strict = await openHouse({ database: await freshDatabase(), env: { KEYWRIGHT_THROTTLE_FREE: '5' } })
    const person = await strict.person()
    for (const login of [person.email, 'nobody@people.example']) {
      const client = strict.server.client()
      const page = await client.get('/login')
      const begun = performance.now()
      const replies = await Promise.all(
        Array.from({ length: 100 }, async (_, number) => await typePassword(client, page, login, `guess ${number}`)),
      )
      const seconds = (performance.now() - begun) / 1000
      const tried = replies.filter(({ status }) => status === 401).length
      expect(replies.filter(({ status }) => status === 429)).toHaveLength(100 - tried)
      expect(tried).toBeGreaterThanOrEqual(5)
      // After the fifth comes a wait of one second, then of two, four …: on a slow machine one of them may be over.
      expect(tried).toBeLessThanOrEqual(5 + Math.floor(Math.log2(seconds + 1)))
    }
  })

  it('RL-1: while strangers are kept waiting, the right password is not looked at, but a known device gets in', async () => {
    const strict = await openHouse({ database: await freshDatabase(), env: { KEYWRIGHT_THROTTLE_FREE: '2' } })
    const person = await strict.person()
    const known = strict.server.client()
    await signIn(known, person)
    known.jar.delete('kw_session')
    expect(known.jar.get('kw_device')?.attributes.has('httponly')).toBe(true)
    for (let turn = 0; turn < 2; turn += 1) expect((await guess(strict, person.email, 'wrong')).status).toBe(401)
    await strict.sql`update login_throttles set blocked_until = now() + interval '10 minutes'`
    const refused = await guess(strict, person.email, person.password)
    expect(refused.status).toBe(429)
    expect(refused.body).toContain('Too many attempts')
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(590)
    const page = await known.get('/login')
    expect((await typePassword(known, page, person.email, person.password)).status).toBe(303)
    // The device of somebody else, and one that was made up, are strangers.
    const other = strict.server.client()
    await signIn(other, await strict.person())
    other.jar.delete('kw_session')
    expect((await typePassword(other, await other.get('/login'), person.email, person.password)).status).toBe(429)
    const forged = strict.server.client()
    forged.jar.keep(new URL(strict.server.issuer), [`kw_device=${'A'.repeat(43)}.${'A'.repeat(43)}; Path=/`])
    expect((await typePassword(forged, await forged.get('/login'), person.email, person.password)).status).toBe(429)
  })

  it('LI-5: a new password makes strangers of all devices; a hash that was only made again does not', async () => {
    const strict = await openHouse({ database: await freshDatabase(), env: { KEYWRIGHT_THROTTLE_FREE: '2' } })
    const person = await strict.person()
    const known = strict.server.client()
    const enter = async (password: string): Promise<number> => {
      known.jar.delete('kw_session')
      return (await typePassword(known, await known.get('/login'), person.email, password)).status
    }
    const cheap = await argon2(person.password, { algorithm: 2, memoryCost: 1024, timeCost: 1, parallelism: 1 })
    await strict.sql`update password_credentials set password_hash = ${cheap} where user_id = ${person.user_id}`
    expect(await enter(person.password)).toBe(303)
    for (let turn = 0; turn < 2; turn += 1) expect((await guess(strict, person.email, 'wrong')).status).toBe(401)
    await strict.sql`update login_throttles set blocked_until = now() + interval '10 minutes'`
    expect(await enter(person.password)).toBe(303)
    const changed = await strict.ctx.hashing.hash('an entirely different thing')
    await strict.revoking(async (ctx) => await changePassword(ctx, person.user_id, changed))
    expect(await enter('an entirely different thing')).toBe(429)
  })

  it('RL-1: an address has its own limit, whatever account it tries and whatever header it sends', async () => {
    const env = { KEYWRIGHT_LIMITS: 'on', KEYWRIGHT_LIMIT_LOGIN_ADDRESS: '5', KEYWRIGHT_THROTTLE_FREE: '20' }
    const strict = await openHouse({ database: await freshDatabase(), env })
    const client = strict.server.client()
    const page = await client.get('/login')
    const csrf = page.forms[0]?.fields[0]?.value ?? ''
    const attempt = async (number: number): Promise<Reply> =>
      await client.post(
        '/login',
        { csrf, login: `n${number}@people.example`, password: 'wrong' },
        { origin: strict.server.issuer, 'x-forwarded-for': `203.0.113.${number}`, 'x-real-ip': `203.0.113.${number}` },
      )
    // A minute may turn over once while this runs.
    const replies: Reply[] = []
    for (let number = 0; number < 14; number += 1) replies.push(await attempt(number))
    const over = replies.filter(({ status }) => status === 429)
    expect(replies.filter(({ status }) => status === 401).length).toBeLessThanOrEqual(10)
    expect(over.length).toBeGreaterThan(0)
    for (const reply of over) {
      expectPage(reply, 429, 'Too many requests')
      expect(Number(reply.headers['retry-after'])).toBeGreaterThan(0)
    }
  })
})
