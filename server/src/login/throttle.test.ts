/** The slowing down of guesses, on real SQL with a clock of our own (security rule RL-1, security design 3.7). */
import { beforeAll, describe, expect, it } from 'vitest'
import { type Fixtures, fixtures } from '../../test/support/fixtures.ts'
import type { HttpRequest } from '../http/request.ts'
import { isDenial } from '../protocol/errors.ts'
import type { Account } from '../users/credentials.ts'
import { reserve, succeeded } from './throttle.ts'

let made: Fixtures
let accounts = 0
const start = new Date('2026-03-01T12:00:00Z').getTime()

beforeAll(async () => {
  made = await fixtures({ env: { KEYWRIGHT_THROTTLE_FREE: '5', KEYWRIGHT_THROTTLE_HARD_CAP: '12' } })
})

/** An account that nobody has tried yet. */
const account = (): Account => ({ name: `user|throttled-${(accounts += 1)}`, credential: '2026-01-01T00:00:00.000Z' })

const request = (seconds: number, device?: string): HttpRequest =>
  ({
    now: new Date(start + seconds * 1000),
    header: (name: string) => (name === 'cookie' && device !== undefined ? `kw_device=${device}` : undefined),
  }) as unknown as HttpRequest

/** Tries once, wrongly: 0 when the attempt may be made, else the seconds to wait. */
const fail = async (named: Account, seconds: number, device?: string): Promise<number> => {
  const attempt = await reserve(made.ctx, request(seconds, device), named)
  return isDenial(attempt) ? (attempt.retry_after_seconds ?? -1) : 0
}

/** Tries once, rightly; the device cookie that the browser is given. */
const succeed = async (named: Account, seconds: number, device?: string): Promise<string> => {
  const attempt = await reserve(made.ctx, request(seconds, device), named)
  if (isDenial(attempt)) throw new Error(`not reserved: ${attempt.because.got ?? ''}`)
  const cookie = await succeeded(made.ctx, attempt, named, new Date(start + seconds * 1000))
  expect(cookie).toMatchObject({ name: 'device', maxAgeSeconds: 34_560_000 })
  return cookie.value
}

const failMany = async (named: Account, count: number, seconds = 0, device?: string): Promise<void> => {
  for (let turn = 0; turn < count; turn += 1) await fail(named, seconds, device)
}

describe('strangers', () => {
  it('five are free; then one second, two, four … to fifteen minutes, whatever comes meanwhile', async () => {
    const { ctx } = await fixtures({ env: { KEYWRIGHT_THROTTLE_FREE: '5', KEYWRIGHT_THROTTLE_HARD_CAP: '100' } })
    const named = account()
    const attempt = async (seconds: number): Promise<number> => {
      const reserved = await reserve(ctx, request(seconds), named)
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
    const named = account()
    const waits = await Promise.all(Array.from({ length: 100 }, async () => await fail(named, 0)))
    expect(waits.filter((wait) => wait === 0)).toHaveLength(5)
    expect(new Set(waits.filter((wait) => wait !== 0))).toEqual(new Set([1]))
  })

  it('the reservation comes before the proof: while five are being looked at, a sixth is not', async () => {
    const named = account()
    const open = await Promise.all(Array.from({ length: 5 }, async () => await reserve(made.ctx, request(0), named)))
    expect(open.every((attempt) => !isDenial(attempt))).toBe(true)
    expect(await fail(named, 0)).toBe(1)
  })

  it('a success gives its own reservation back, and no more than that', async () => {
    const named = account()
    await failMany(named, 4)
    await succeed(named, 0)
    expect(await fail(named, 0)).toBe(0)
    expect(await fail(named, 0)).toBe(1)
  })

  it('a success that was the last free one leaves no wait behind', async () => {
    const named = account()
    await failMany(named, 4)
    await succeed(named, 0)
    await succeed(named, 0)
    await succeed(named, 0)
    expect(await fail(named, 0)).toBe(0)
  })

  it('after a day without attempts the count begins anew', async () => {
    const named = account()
    await failMany(named, 5)
    expect(await fail(named, 0)).toBe(1)
    const later = 86_401
    for (let turn = 0; turn < 5; turn += 1) expect(await fail(named, later)).toBe(0)
    expect(await fail(named, later)).toBe(1)
  })

  it('accounts do not slow each other down, and one that does not exist is slowed down alike', async () => {
    const [one, other, nobody] = [account(), account(), { name: 'login|nobody@people.example', credential: '' }]
    await failMany(one, 5)
    expect(await fail(one, 0)).toBe(1)
    expect(await fail(other, 0)).toBe(0)
    await failMany(nobody, 5)
    expect(await fail(nobody, 0)).toBe(1)
  })

  it('63B-4 §3.2.2: after the cap in a row strangers are refused for good; a known device still gets in and lifts nothing for them', async () => {
    const named = account()
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
    const named = account()
    const device = await succeed(named, 0)
    await failMany(named, 20)
    expect(await fail(named, 0)).toBe(1)
    expect(await fail(named, 0, device)).toBe(0)
    const other = account()
    const own = await succeed(other, 0)
    await failMany(other, 20, 0, own)
    expect(await fail(other, 0)).toBe(0)
  })

  it('is slowed down by its own failures, never shut out, and forgotten after its success', async () => {
    const named = account()
    const device = await succeed(named, 0)
    let clock = 0
    for (let turn = 0; turn < 40; turn += 1) clock += await fail(named, clock, device)
    expect(await fail(named, clock + 900, device)).toBe(0)
    const next = await succeed(named, clock + 2000, device)
    for (let turn = 0; turn < 5; turn += 1) expect(await fail(named, clock + 2000, device)).toBe(0)
    expect(next).not.toBe(device)
  })

  it('each has a count of its own', async () => {
    const named = account()
    const [one, two] = [await succeed(named, 0), await succeed(named, 0)]
    await failMany(named, 5, 0, one)
    expect(await fail(named, 0, one)).toBe(1)
    expect(await fail(named, 0, two)).toBe(0)
  })

  it('a cookie of another account, one that was changed, and one that was made up is a stranger', async () => {
    const [named, other] = [account(), account()]
    const [device, foreign] = [await succeed(named, 0), await succeed(other, 0)]
    await failMany(named, 5)
    const [nonce = '', mac = ''] = device.split('.')
    for (const bad of [
      foreign,
      nonce,
      `${nonce}.`,
      `.${mac}`,
      `${mac}.${nonce}`,
      `${nonce}.${mac}.x`,
      `${nonce}x.${mac}`,
      `${nonce}.${mac.slice(1)}`,
      `${'A'.repeat(43)}.${'A'.repeat(43)}`,
      `"${device}"`,
    ]) {
      expect([bad, await fail(named, 0, bad)]).toEqual([bad, 1])
    }
    expect(await fail(named, 0, device)).toBe(0)
  })

  it('is a stranger once the password has been changed, until it has signed in with the new one', async () => {
    const named = account()
    const device = await succeed(named, 0)
    await failMany(named, 5)
    expect(await fail(named, 0, device)).toBe(0)
    const changed = { ...named, credential: '2026-03-01T12:00:00.001Z' }
    expect(await fail(changed, 0, device)).toBe(1)
    const next = await succeed(changed, 2)
    expect(await fail(changed, 2)).toBe(0)
    expect(await fail(changed, 2, next)).toBe(0)
    // The new cookie is no device of the old password either: it waits with the strangers.
    expect(await fail(named, 2, next)).toBe(2)
  })

  it('what is stored names nobody: buckets are keyed hashes', async () => {
    await fail({ name: 'login|secret.person@people.example', credential: '' }, 0)
    const rows = await made.db`select login_throttles::text as row from login_throttles`
    expect(JSON.stringify(rows)).not.toContain('secret.person')
    const [shape] = await made.db<{ length: number }[]>`select distinct length(bucket) as length from login_throttles`
    expect(shape?.length).toBe(32)
  })
})
