/** Security rules RC-3 and LI-3, security design 3.7 (security.md 1.4, 3.7): what a browser is to its people, and how that ends. */
import { beforeAll, describe, expect, it } from 'vitest'
import { transact } from '../../src/db/transact.ts'
import { forgetDevice, listDevices } from '../../src/devices/forget.ts'
import { knownDevice, rememberDevice } from '../../src/devices/remember.ts'
import { changePassword } from '../../src/users/status.ts'
import {
  type App,
  ask,
  askSilently,
  type House,
  openHouse,
  type Person,
  signIn,
  signInOn,
  tokensOf,
  typePassword,
} from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { handleOf, keepPasskey, softPasskey } from '../support/passkey.ts'

let house: House
let app: App

beforeAll(async () => {
  house = await openHouse({ env: { KEYWRIGHT_THROTTLE_FREE: '2' } })
  app = await house.app({ first_party: true })
})

const deviceOf = (client: HttpClient): string => client.jar.get('kw_device')?.value ?? ''
const copyOf = (name: string, client: HttpClient): string => `${name}=${client.jar.get(name)?.value ?? ''}; Path=/`

/** Signs out without a word: the browser stays what it is. */
const forgetSession = (client: HttpClient): HttpClient => {
  client.jar.delete('kw_session')
  return client
}

const enter = async (client: HttpClient, person: Person, password = person.password): Promise<Reply> =>
  await typePassword(client, await client.get('/login'), person.email, password)

/** Uses up what strangers may try, and lets them wait for minutes. */
const blockStrangers = async (person: Person): Promise<void> => {
  for (let turn = 0; turn < 2; turn += 1) await enter(house.server.client(), person, 'wrong')
  await house.sql`update login_throttles set blocked_until = now() + interval '10 minutes' where blocked_until > now() - interval '1 minute'`
  expect((await enter(house.server.client(), person)).status).toBe(429)
}

/** 303 for a known device, 429 for a stranger. */
const knows = async (client: HttpClient, person: Person): Promise<number> =>
  (await enter(forgetSession(client), person)).status

const rowsOf = async (person: Person) =>
  await house.sql<{ id: string; key_hash: Buffer }[]>`
    select id, key_hash from devices where user_id = ${person.user_id} order by created_at`

describe('security design 3.7: known devices', () => {
  it('one browser, several people: it is known to each, under one cookie, whoever came first', async () => {
    const [ada, bob] = [await house.person(), await house.person()]
    const shared = house.server.client()
    await signIn(shared, ada)
    const first = deviceOf(shared)
    expect(first).toMatch(/^[\w-]{43}$/)
    await signInOn(shared, await ask(shared, app, { prompt: 'login' }), bob)
    const [[adas], [bobs]] = [await rowsOf(ada), await rowsOf(bob)]
    expect(adas?.key_hash).toEqual(bobs?.key_hash)
    expect(adas?.id).not.toBe(bobs?.id)
    for (const person of [ada, bob]) await blockStrangers(person)
    expect([await knows(shared, ada), await knows(shared, bob), await knows(shared, ada)]).toEqual([303, 303, 303])
    // What is stored is no cookie.
    const stored = JSON.stringify(await house.sql`select devices::text from devices`)
    expect(stored).not.toContain(deviceOf(shared))
  })

  it('LI-3: a device cookie that was there before the first sign-in is worth nothing after it, whoever put it there', async () => {
    const ada = await house.person()
    const victim = house.server.client()
    victim.jar.keep(new URL(house.server.issuer), [`kw_device=${'A'.repeat(43)}; Path=/`])
    await signIn(victim, ada)
    const planted = house.server.client()
    planted.jar.keep(new URL(house.server.issuer), [`kw_device=${'A'.repeat(43)}; Path=/`])
    await blockStrangers(ada)
    expect([await knows(planted, ada), await knows(victim, ada)]).toEqual([429, 303])
  })

  it('LI-3: whoever copied the cookie of a browser that others use later knows nothing of them, nor of themselves', async () => {
    const [mallory, ada] = [await house.person(), await house.person()]
    const [shared, attacker] = [house.server.client(), house.server.client()]
    await signIn(shared, mallory)
    attacker.jar.keep(new URL(house.server.issuer), [copyOf('kw_device', shared)])
    await signInOn(shared, await ask(shared, app, { prompt: 'login' }), ada)
    for (const person of [ada, mallory]) await blockStrangers(person)
    expect([await knows(attacker, ada), await knows(attacker, mallory)]).toEqual([429, 429])
    expect([await knows(shared, ada), await knows(shared, mallory)]).toEqual([303, 303])
  })

  it('the cookie alone signs nobody in and shows nothing', async () => {
    const ada = await house.person()
    const known = house.server.client()
    await signIn(known, ada)
    const other = house.server.client()
    other.jar.keep(new URL(house.server.issuer), [copyOf('kw_device', known)])
    expect(await askSilently(other, app)).toBe('login_required')
    expect((await other.get('/login')).body).not.toContain(ada.email)
  })

  it('RL-1: 100 guesses at once from a known device never exceed its budget', async () => {
    const ada = await house.person()
    const known = house.server.client()
    await signIn(known, ada)
    const page = await forgetSession(known).get('/login')
    const begun = performance.now()
    const replies = await Promise.all(
      Array.from({ length: 100 }, async (_, number) => await typePassword(known, page, ada.email, `guess ${number}`)),
    )
    const seconds = (performance.now() - begun) / 1000
    const tried = replies.filter(({ status }) => status === 401).length
    expect(replies.filter(({ status }) => status === 429)).toHaveLength(100 - tried)
    expect(tried).toBeGreaterThanOrEqual(2)
    // After the second come waits of one second, two, four …: on a slow machine one of them may be over.
    expect(tried).toBeLessThanOrEqual(2 + Math.floor(Math.log2(seconds + 1)))
    // Strangers have not been slowed down by that.
    expect((await enter(house.server.client(), ada)).status).toBe(303)
  })
})

it('security design 3.7: a passkey signs in from any browser while strangers are kept waiting', async () => {
  const ada = await house.person()
  const key = softPasskey({ issuer: house.server.issuer })
  await keepPasskey(house.ctx, ada.user_id, { passkey: key })
  await blockStrangers(ada)
  const client = house.server.client()
  const call = async (path: string, json: unknown): Promise<Reply> =>
    await client.request(`/api/v1/auth/${path}`, { method: 'POST', json })
  const { challenge } = (await call('passkey/options', {})).json<{ challenge: string }>()
  const credential = key.assert(challenge, handleOf(house.ctx, ada.user_id))
  expect((await call('passkey', { credential })).json()).toMatchObject({ status: 'complete' })
  // By that the browser is known, and its password is looked at again.
  expect(await knows(client, ada)).toBe(303)
})

describe('the end of a device', () => {
  it('RC-3: all of them with the password, in the same transaction', async () => {
    const ada = await house.person()
    const [one, two] = [house.server.client(), house.server.client()]
    for (const client of [one, two]) await signIn(client, ada)
    const password_hash = await house.ctx.hashing.hash('an entirely different thing')
    await house.revoking(async (ctx) => await changePassword(ctx, ada.user_id, password_hash))
    expect(await rowsOf(ada)).toEqual([])
    const changed = { ...ada, password: 'an entirely different thing' }
    await blockStrangers(changed)
    expect([await knows(one, changed), await knows(two, changed)]).toEqual([429, 429])
  })

  it('one by one: its sessions and their tokens end, it is a stranger, and the others stay', async () => {
    const ada = await house.person()
    const [one, two] = [house.server.client(), house.server.client()]
    const tokens = await tokensOf(one, app, ada)
    await signIn(two, ada)
    const [first] = await rowsOf(ada)
    const mallory = await house.person()
    const forget = async (user_id: string): Promise<boolean> =>
      await house.revoking(async (ctx) => {
        const which = { user_id, device_id: first?.id ?? '', now: ctx.now() }
        const forgotten = await transact(ctx.db, async (tx) => await forgetDevice(ctx, tx, which))
        await ctx.feed.announce()
        return forgotten
      })
    expect(await forget(mallory.user_id)).toBe(false)
    expect(await askSilently(one, app)).toBe('code')
    expect(await forget(ada.user_id)).toBe(true)
    expect(await forget(ada.user_id)).toBe(false)
    expect(await askSilently(one, app)).toBe('login_required')
    const userinfo = await one.get('/oauth/userinfo', { authorization: `Bearer ${tokens.access_token}` })
    expect(userinfo.status).toBe(401)
    expect(await askSilently(two, app)).toBe('code')
    await blockStrangers(ada)
    expect([await knows(one, ada), await knows(two, ada)]).toEqual([429, 303])
  })

  it('the list has what its owner can tell it by, and nobody else has it', async () => {
    const ada = await house.person()
    const client = house.server.client()
    await signIn(client, ada)
    const [device, ...more] = await listDevices(house.sql, ada.user_id)
    expect(more).toEqual([])
    expect(Object.keys(device ?? {}).toSorted()).toEqual(
      'browser created_at id ip kind last_seen_at place system trusted_until user_agent'.split(' '),
    )
    expect(device).toMatchObject({ place: null, trusted_until: null })
  })
})

describe('news', () => {
  const seen = (person: Person, seconds: number, device?: string) => ({
    user_id: person.user_id,
    device,
    ip: '192.0.2.1',
    user_agent: 'a browser',
    now: new Date(Date.UTC(2026, 2, 1) + seconds * 1000),
  })
  const remember = async (signedIn: ReturnType<typeof seen>) =>
    await transact(house.sql, async (tx) => await rememberDevice(house.ctx, tx, signedIn))

  it('the first browser of an account is no news, another one is, a known one is not', async () => {
    const ada = await house.person()
    const first = await remember(seen(ada, 0))
    const second = await remember(seen(ada, 3600))
    expect([first.isNew, second.isNew]).toEqual([false, true])
    for (const { cookie } of [first, second])
      expect(await remember(seen(ada, 7200, cookie.value))).toMatchObject({ isNew: false, cookie })
  })

  it('a double click is no second browser; the same browser without its cookies is one later', async () => {
    const ada = await house.person()
    await remember(seen(ada, 0))
    expect((await remember(seen(ada, 59))).isNew).toBe(false)
    expect((await remember(seen(ada, 180))).isNew).toBe(true)
    expect((await remember({ ...seen(ada, 181), user_agent: 'another browser' })).isNew).toBe(true)
  })

  it('twenty first sign-ins at once, with one cookie that somebody else has, end without a fault', async () => {
    const [mallory, ...people] = await Promise.all(Array.from({ length: 6 }, async () => await house.person()))
    const { cookie } = await remember(seen(mallory ?? (people[0] as Person), 0))
    const made = await Promise.all(
      [...people, ...people, ...people, ...people].map(async (person) => await remember(seen(person, 1, cookie.value))),
    )
    expect(new Set(made.map(({ id }) => id)).size).toBe(20)
    expect(await knownDevice(house.sql, mallory?.user_id ?? '', cookie.value)).toBeUndefined()
  })
})
