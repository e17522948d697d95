/** The slowing down of guesses, on real SQL with a clock of our own (security rule RL-1, security design 3.7). */
import { beforeAll, describe, expect, it } from 'vitest'
import { type Fixtures, fixtures } from '../../test/support/fixtures.ts'
import { transact } from '../db/transact.ts'
import { rememberDevice } from '../devices/remember.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { accountOf } from '../users/credentials.ts'
import { changePassword } from '../users/status.ts'
import { type Attempt, reserve, succeeded } from './throttle.ts'

let made: Fixtures
let accounts = 0
const start = new Date('2026-03-01T12:00:00Z').getTime()

beforeAll(async () => {
  made = await fixtures({ env: { KEYWRIGHT_THROTTLE_FREE: '5', KEYWRIGHT_THROTTLE_HARD_CAP: '12' } })
})

/** An account that nobody has tried yet. */
const account = async (): Promise<Named> => {
  const login = `throttled_${(accounts += 1)}`
  await made.db`insert into users (id, username) values (${login}, ${login})`
  return { login, user_id: login }
}

type Named = { login: string; user_id: string }

const request = (seconds: number): HttpRequest => ({ now: new Date(start + seconds * 1000) }) as unknown as HttpRequest

const attemptOn = async (
  { login }: Pick<Named, 'login'>,
  seconds: number,
  device?: string,
  ctx = made.ctx,
): Promise<Attempt | Denial> => await reserve(ctx, request(seconds), await accountOf(ctx, login, device))

/** Tries once, wrongly: 0 when the attempt may be made, else the seconds to wait. */
const fail = async (named: Pick<Named, 'login'>, seconds: number, device?: string): Promise<number> => {
  const attempt = await attemptOn(named, seconds, device)
  return isDenial(attempt) ? (attempt.retry_after_seconds ?? -1) : 0
}

/** Tries once, rightly; the device cookie that the browser is given. */
const succeed = async (named: Named, seconds: number, device?: string): Promise<string> => {
  const attempt = await attemptOn(named, seconds, device)
  if (isDenial(attempt)) throw new Error(`not reserved: ${attempt.because.got ?? ''}`)
  const { now } = request(seconds)
  await succeeded(made.ctx, attempt, now)
  const signIn = { user_id: named.user_id, device, ip: '192.0.2.1', user_agent: 'a browser', now }
  const { cookie } = await transact(made.db, async (tx) => await rememberDevice(made.ctx, tx, signIn))
  expect(cookie).toMatchObject({ name: 'device', maxAgeSeconds: 34_560_000 })
  return cookie.value
}

const failMany = async (named: Pick<Named, 'login'>, count: number, seconds = 0, device?: string): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await fail(named, seconds, device)
}

describe('strangers', () => {
  it('five are free; then one second, two, four … to fifteen minutes, whatever comes meanwhile', async () => {
    const { ctx } = await fixtures({ env: { KEYWRIGHT_THROTTLE_FREE: '5', KEYWRIGHT_THROTTLE_HARD_CAP: '100' } })
    const named = await account()
    const attempt = async (seconds: number): Promise<number> => {
      const reserved = await attemptOn(named, seconds, undefined, ctx)
      return isDenial(reserved) ? (reserved.retry_after_seconds ?? -1) : 0
    }
    for (let turn = 0; turn < 5; turn += 1) expect(await attempt(0)).toBe(0)
    let clock = 0
    for (const wait of [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]) {
      expect(await attempt(clock)).toBe(wait)
      // Asking again does not make the wait longer.
      expect(await attempt(clock + wait - 0.001)).toBe(1)
      clock += wait
      expect(await attempt(clock)).toBe(0)
    }
  })

  it('100 at one instant: five are made, and the refused ones say how long to wait', async () => {
    const named = await account()
    const waits = await Promise.all(Array.from({ length: 100 }, async () => await fail(named, 0)))
    expect(waits.filter((wait) => wait === 0)).toHaveLength(5)
    expect(new Set(waits.filter((wait) => wait !== 0))).toEqual(new Set([1]))
  })

  it('the reservation comes before the proof: while five are being looked at, a sixth is not', async () => {
    const named = await account()
    const open = await Promise.all(Array.from({ length: 5 }, async () => await attemptOn(named, 0)))
    expect(open.every((attempt) => !isDenial(attempt))).toBe(true)
    expect(await fail(named, 0)).toBe(1)
  })

  it('a success gives its own reservation back, and no more than that', async () => {
    const named = await account()
    await failMany(named, 4)
    await succeed(named, 0)
    expect(await fail(named, 0)).toBe(0)
    expect(await fail(named, 0)).toBe(1)
  })

  it('a success that was the last free one leaves no wait behind', async () => {
    const named = await account()
    await failMany(named, 4)
    await succeed(named, 0)
    await succeed(named, 0)
    await succeed(named, 0)
    expect(await fail(named, 0)).toBe(0)
  })

  it('after a day without attempts the count begins anew', async () => {
    const named = await account()
    await failMany(named, 5)
    expect(await fail(named, 0)).toBe(1)
    const later = 86_401
    for (let turn = 0; turn < 5; turn += 1) expect(await fail(named, later)).toBe(0)
    expect(await fail(named, later)).toBe(1)
  })

  it('accounts do not slow each other down, and one that does not exist is slowed down alike', async () => {
    const [one, other, nobody] = [await account(), await account(), { login: 'nobody@people.example' }]
    await failMany(one, 5)
    expect(await fail(one, 0)).toBe(1)
    expect(await fail(other, 0)).toBe(0)
    await failMany(nobody, 5)
    expect(await fail(nobody, 0)).toBe(1)
  })

  it('63B-4 §3.2.2: after the cap in a row strangers are refused for good; a known device still gets in and lifts nothing for them', async () => {
    const named = await account()
    const device = await succeed(named, 0)
    let clock = 0
    let attempts = 0
    for (let turn = 0; turn < 60; turn += 1) {
      const wait = await fail(named, clock)
      if (wait === 0) attempts += 1
      else clock += wait
    }
    expect(attempts).toBe(12)
    expect(await fail(named, clock + 40_000)).toBeGreaterThan(0)
    await succeed(named, clock, device)
    expect(await fail(named, clock + 40_000)).toBeGreaterThan(0)
  })
})

describe('a known device', () => {
  it('is not slowed down by strangers, and does not slow them down', async () => {
    const named = await account()
    const device = await succeed(named, 0)
    await failMany(named, 20)
    expect(await fail(named, 0)).toBe(1)
    expect(await fail(named, 0, device)).toBe(0)
    const other = await account()
    const own = await succeed(other, 0)
    await failMany(other, 20, 0, own)
    expect(await fail(other, 0)).toBe(0)
  })

  it('is slowed down by its own failures, never shut out, and forgotten after its success', async () => {
    const named = await account()
    const device = await succeed(named, 0)
    let clock = 0
    for (let turn = 0; turn < 40; turn += 1) clock += await fail(named, clock, device)
    expect(await fail(named, clock + 900, device)).toBe(0)
    const next = await succeed(named, clock + 2000, device)
    for (let turn = 0; turn < 5; turn += 1) expect(await fail(named, clock + 2000, device)).toBe(0)
    expect(next).toBe(device)
  })

  it('each has a count of its own', async () => {
    const named = await account()
    const [one, two] = [await succeed(named, 0), await succeed(named, 0)]
    await failMany(named, 5, 0, one)
    expect(await fail(named, 0, one)).toBe(1)
    expect(await fail(named, 0, two)).toBe(0)
  })

  it('a cookie of another account, one that was changed, and one that was made up is a stranger', async () => {
    const [named, other] = [await account(), await account()]
    const [device, foreign] = [await succeed(named, 0), await succeed(other, 0)]
    await failMany(named, 5)
    for (const bad of [
      foreign,
      '',
      device.slice(1),
      `${device}A`,
      device.toLowerCase(),
      `${device}.${device}`,
      'A'.repeat(43),
      `${'A'.repeat(43)}.${'A'.repeat(43)}`,
      `"${device}"`,
    ]) {
      expect([bad, await fail(named, 0, bad)]).toEqual([bad, 1])
    }
    expect(await fail(named, 0, device)).toBe(0)
  })

  it('is a stranger once the password has been changed, until it has signed in with the new one', async () => {
    const named = await account()
    const device = await succeed(named, 0)
    await failMany(named, 5)
    expect(await fail(named, 0, device)).toBe(0)
    const hash = await made.ctx.hashing.hash('an entirely different thing')
    await made.revoking(async (ctx) => await changePassword(ctx, named.user_id, hash))
    expect(await fail(named, 0, device)).toBe(1)
    const next = await succeed(named, 2, device)
    expect(next).not.toBe(device)
    expect(await fail(named, 2)).toBe(0)
    expect(await fail(named, 2, next)).toBe(0)
    // The cookie of the old password stays a stranger's.
    expect(await fail(named, 2, device)).toBe(2)
  })

  it('what is stored names nobody: buckets are keyed hashes', async () => {
    await fail({ login: 'secret.person@people.example' }, 0)
    const rows = await made.db`select login_throttles::text as row from login_throttles`
    expect(JSON.stringify(rows)).not.toContain('secret.person')
    const [shape] = await made.db<{ length: number }[]>`select distinct length(bucket) as length from login_throttles`
    expect(shape?.length).toBe(32)
  })
})
