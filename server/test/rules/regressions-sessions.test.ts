/**
 * What an attacker and a reviewer once proved about sign-ins and sessions, each by its rule's number (security.md 1.1, 1.4).
 * Start reading at the first test.
 */
import { randomBytes } from 'node:crypto'
import { beforeAll, expect, it } from 'vitest'
import type { Ctx } from '../../src/ctx.ts'
import { transact } from '../../src/db/transact.ts'
import { createHashing } from '../../src/io/hashing.ts'
import { completeLogin } from '../../src/login/complete.ts'
import { accountOf, provePassword } from '../../src/users/credentials.ts'
import { canonicalEmail, canonicalLogin, canonicalUsername } from '../../src/users/identifier.ts'
import { changePassword } from '../../src/users/status.ts'
import { lockAccount, upsertPassword } from '../../src/users/store.ts'
import { cookieJar } from '../support/cookie-jar.ts'
import { ask, errorIdOf, expectPage, type House, openHouse, signIn, signInOn, typePassword } from '../support/flow.ts'
import { tokenRequest } from '../support/grants.ts'
import type { HttpClient } from '../support/http.ts'
import { until } from '../support/looks.ts'
import { startServer } from '../support/server.ts'
import { decisionOf, eventTypes, sessionRow } from '../support/written.ts'

let house: House

beforeAll(async () => {
  house = await openHouse()
})

const prove = async (ctx: Ctx, login: string, password: string): ReturnType<typeof provePassword> =>
  await provePassword(ctx, await accountOf(ctx, login, undefined), password)

const liveSessions = async (user_id: string): Promise<unknown> => {
  const [row] = await house.sql<{ live: number }[]>`
    select count(*)::int as live from sessions where user_id = ${user_id} and ended_at is null`
  return row?.live
}

/** Milliseconds of processor time. */
const cpuSince = (from: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(from)
  return (user + system) / 1000
}

/** Copies all cookies of a browser, as somebody does who once had it in hand. */
const copied = (browser: HttpClient, at: string) => {
  const jar = cookieJar()
  for (const { name, value } of browser.jar.all()) jar.keep(new URL(at), [`${name}=${value}; Path=/`])
  return jar
}

it('LI-3: a copied old cookie does not reach who signed in in that browser later, through the other node', async () => {
  const other = await startServer()
  const [app, first, second] = [
    await house.app(),
    await house.person({ name: 'Ada First' }),
    await house.person({ name: 'Grace Second' }),
  ]
  const browser = other.client()
  await signIn(browser, first)
  const thief = house.server.client(copied(browser, house.server.issuer))
  const chooser = await ask(thief, app, { prompt: 'select_account' })
  expect(chooser.url.pathname).toBe('/select-account')
  expect(chooser.body).toContain(first.name)
  const page = await ask(browser, app, { prompt: 'login' })
  // Now this node holds a copy of the session, which may be a second old before it is read again.
  expect((await thief.get('/account')).status).toBe(200)
  await signInOn(browser, page, second)
  const own = await sessionRow(house.sql, browser)
  expect(own).toMatchObject({ user_id: second.user_id, ended_at: null })

  const answer = await thief.submit(chooser, { session_id: own?.id ?? '' })
  expect([answer.status, answer.location?.pathname]).toEqual([303, '/login'])
  const again = await thief.walk(thief.get(chooser.url))
  expect(again.body).not.toContain(second.name)
  expect(again.body).not.toContain(own?.id)
  expect((await thief.get('/account')).body).not.toContain(second.name)
  // The person who came later has noticed nothing.
  expect(await sessionRow(house.sql, browser)).toEqual(own)
  await other.stop()
})

it('LI-3: a stale cookie lists nobody in the chooser, not even in the second in which a node has its copy', async () => {
  const [app, person] = [await house.app(), await house.person({ name: 'Alan Third' })]
  const browser = house.server.client()
  await signIn(browser, person)
  const chooser = await ask(browser, app, { prompt: 'select_account' })
  const session = await sessionRow(house.sql, browser)
  expect(chooser.body).toContain(person.name)
  expect((await browser.get('/account')).status).toBe(200)
  // What another node does when somebody signs in in this browser there: the old secret opens nothing any more.
  await house.sql`update sessions set token_hash = ${randomBytes(32)} where id = ${session?.id ?? ''}`
  const again = await browser.get(chooser.url)
  expect(again.status).toBe(200)
  expect(again.body).not.toContain(person.name)
  expect(again.body).not.toContain(session?.id)
  const answer = await browser.submit(chooser, { session_id: session?.id ?? '' })
  expect([answer.status, answer.location?.pathname]).toEqual([303, '/login'])
})

it('I2: a password that was proved before it was changed starts no session afterwards', async () => {
  const { ctx } = house
  const person = await house.person()
  const proof = await prove(ctx, person.email, person.password)
  if (proof === undefined) throw new Error('the password is right')
  const password_hash = await ctx.hashing.hash('another quiet stone arch')
  await house.revoking(async (own) => await changePassword(own, person.user_id, password_hash))
  const nobody = { device: undefined, session: undefined, token_hash: undefined, subject: undefined }
  const browser = { browser: 'b', isNew: false, ...nobody }
  const proven = { user_id: person.user_id, credential: proof.credential, amr: ['pwd'], method: 'password' }
  const done = await completeLogin(ctx, tokenRequest({}, ctx.now()), browser, { proven, interaction: undefined })
  expect(done).toEqual({ kind: 'overtaken' })
  expect(await liveSessions(person.user_id)).toBe(0)
})

it('I2: a sign-in waits for a change of its password that is under way, and is refused when that is done', async () => {
  const { ctx, sql } = house
  const person = await house.person()
  const password_hash = await ctx.hashing.hash('another quiet stone arch')
  const client = house.server.client()
  const page = await client.get('/login')
  const answer = await transact(sql, async (tx) => {
    await lockAccount(tx, person.user_id)
    const pending = typePassword(client, page, person.email, person.password)
    await until(async () => {
      const [row] = await sql<{ waiting: number }[]>`
        select count(*)::int as waiting from pg_locks join pg_database on pg_database.oid = pg_locks.database or pg_locks.database is null
        where not granted and datname = current_database()`
      return (row?.waiting ?? 0) > 0
    })
    await upsertPassword(tx, person.user_id, password_hash, ctx.now())
    return { pending }
  })
  expectPage(await answer.pending, 401, 'Sign in')
  expect(client.jar.get('kw_session')).toBeUndefined()
  expect(await liveSessions(person.user_id)).toBe(0)
  expect(await eventTypes(sql, { user_id: person.user_id })).not.toContain('login.succeeded')
})

it('G-6: a login of alternating combining marks costs no time that grows with its square (CWE-400)', async () => {
  const marks = '\u0301\u0323'.repeat(15_000)
  for (const canonical of [canonicalLogin, canonicalEmail, canonicalUsername]) {
    const from = process.cpuUsage()
    canonical(marks)
    canonical(`a@${marks}`)
    expect(cpuSince(from)).toBeLessThan(100)
  }
  const client = house.server.client()
  const page = await client.get('/login')
  const timed = async (login: string, password: string): Promise<number> => {
    const fields = page.forms[0]?.fields ?? []
    const form = [
      ...fields.filter(({ name }) => !['login', 'password'].includes(name)),
      { name: 'login', value: login },
    ]
    const pairs = [...form, { name: 'password', value: password }].map(({ name, value }) => `${name}=${value}`)
    const from = performance.now()
    const reply = await client.request('/login', {
      method: 'POST',
      body: pairs.join('&'),
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: house.server.issuer },
    })
    expect(reply.status).toBe(401)
    return performance.now() - from
  }
  const usual = Math.min(await timed('nobody', 'wrong'), await timed('nobody', 'wrong'))
  expect(Math.min(await timed(marks, 'wrong'), await timed(marks, 'wrong'))).toBeLessThan(usual + 400)
  expect(Math.min(await timed('nobody', marks), await timed('nobody', marks))).toBeLessThan(usual + 400)
})

it('G-8: a badly percent-encoded secret never shows in the decisions', async () => {
  const { server, sql } = house
  const app = await house.app()
  const client = server.client()
  const type = { 'content-type': 'application/x-www-form-urlencoded', origin: server.issuer }
  const post = async (path: string, body: string, headers = {}) =>
    await client.request(path, { method: 'POST', body, headers: { ...type, ...headers } })
  const basic = Buffer.from(`${app.client_id}:hunter2%ZZ`).toString('base64')
  const replies = [
    await post('/oauth/token', `client_id=${app.client_id}&client_secret=hunter2%ZZ&grant_type=client_credentials`),
    await post('/oauth/token', 'grant_type=client_credentials', { authorization: `Basic ${basic}` }),
    await post('/oauth/token', `client_id=${app.client_id}&grant_type=authorization_code&code=hunter2%ZZ`),
    await post('/login', 'login=nobody&password=hunter2%ZZ'),
    await post('/oauth/token?client_secret=hunter2%ZZ', 'grant_type=client_credentials'),
  ]
  for (const reply of replies) {
    expect(reply.status, reply.body).toBeOneOf([400, 401, 403])
    expect(reply.body).not.toContain('hunter2')
    expect(reply.headers.location ?? '').not.toContain('hunter2')
    await decisionOf(sql, errorIdOf(reply))
  }
  expect(await sql`select 1 from decisions d where d::text like '%hunter2%'`).toEqual([])
  expect(await sql`select 1 from all_events e where e::text like '%hunter2%'`).toEqual([])
  expect(server.output()).not.toContain('hunter2')
})

it('LI-1: with a raised cost, a wrong password for an old hash costs no less than an unknown account', async () => {
  const person = await house.person()
  const hashing = createHashing({ memoryKib: 19_456, passes: 20, running: 1, waiting: 10 })
  const ctx = { ...house.ctx, hashing }
  /** What one wrong attempt costs this process, hashing threads included: other programs do not change it. */
  const costOf = async (login: string): Promise<number> => {
    const from = process.cpuUsage()
    expect(await prove(ctx, login, 'a wrong password')).toBeUndefined()
    return cpuSince(from)
  }
  const [old, unknown]: [number[], number[]] = [[], []]
  for (let turn = 0; turn < 4; turn += 1) {
    unknown.push(await costOf('nobody@example.com'))
    old.push(await costOf(person.email))
  }
  // Without the second comparison it would be about a tenth.
  expect(Math.min(...old)).toBeGreaterThan(0.7 * Math.min(...unknown))
  expect(await prove(ctx, person.email, person.password)).toMatchObject({ user_id: person.user_id })
  const [row] = await house.sql<{ password_hash: string }[]>`
    select password_hash from password_credentials where user_id = ${person.user_id}`
  expect(row?.password_hash).toContain('t=20,')
})
