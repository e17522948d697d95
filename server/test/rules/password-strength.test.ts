/** The meter of new passwords over HTTP (security rules LI-2, AD-4, RL-1, G-6): who may ask, how often, and what it tells. */
import { beforeAll, describe, expect, it } from 'vitest'
import { freshDatabase } from '../support/database.ts'
import { type House, openHouse, typePassword } from '../support/flow.ts'
import { describe as shown, type Reply } from '../support/http.ts'

const path = '/api/v1/auth/password-strength'
let house: House

beforeAll(async () => {
  house = await openHouse({ env: { KEYWRIGHT_LOG_LEVEL: 'debug', KEYWRIGHT_NAME: 'Analytical Engines' } })
})

const askOf = async (of: House, body: unknown, headers: Record<string, string> = {}): Promise<Reply> =>
  await of.server
    .client()
    .request(path, { method: 'POST', json: body, headers: { origin: of.server.issuer, ...headers } })

/** A process answers a dozen times a second: a test that is quicker waits. */
const ask = async (password: string, context?: string[]): Promise<Reply> => {
  for (;;) {
    const reply = await askOf(house, { password, ...(context && { context }) })
    if (reply.status !== 429) return reply
    await new Promise((resolve) => setTimeout(resolve, 300))
  }
}

describe('what it tells', () => {
  it.each([
    ['a quiet stone arch', { score: 4, warning: null, acceptable: true }],
    ['rtyuiophjkl', { score: 2, warning: 'keyboard', acceptable: true }],
    ['k3!xp0w', { score: 1, acceptable: false, code: 'too_short', reason: /at least 10 characters/ }],
    ['password123', { score: 0, warning: 'common', acceptable: false, code: 'too_common', reason: /too common/ }],
    ['lovelace1843', { acceptable: false, code: 'too_close', reason: /too close/ }],
    ['analyticalengines', { score: 1, acceptable: false, code: 'too_close', reason: /too close/ }],
    ['senignelacitylana', { acceptable: false, code: 'too_close', reason: /too close/ }],
    ['k3!xp0w9zq '.repeat(24), { acceptable: false, code: 'too_long', reason: /at most 256/ }],
  ])('%s', async (password, expected) => {
    const reply = await ask(password, ['Ada Lovelace', 'ada@example.com'])
    expect(reply.status, shown(reply)).toBe(200)
    expect(reply.headers['cache-control']).toBe('no-store')
    const { reason, ...rest } = expected as { reason?: RegExp }
    expect(reply.json()).toMatchObject(rest)
    // The reason in words, exactly where there is one.
    expect(reply.json<{ reason?: string }>().reason ?? '').toMatch(reason ?? /^$/)
  })

  it('the NIST profile asks for fifteen', async () => {
    const strict = await openHouse({
      database: await freshDatabase(),
      env: { KEYWRIGHT_PASSWORD_PROFILE: 'nist', KEYWRIGHT_PASSWORD_MIN_LENGTH: '8' },
    })
    const answers = [
      await askOf(strict, { password: 'k3!xp0w9zqv7bt' }),
      await askOf(strict, { password: 'k3!xp0w9zqv7bt2' }),
    ]
    expect(answers.map((reply) => reply.json()['acceptable'])).toEqual([false, true])
    expect(answers[0]?.json()['reason']).toContain('at least 15 characters')
  })
})

describe('AD-4, G-6: who may ask, and what', () => {
  it.each([
    ['another site', { origin: 'https://evil.example' }],
    ['no origin in the sense of browsers', { origin: 'null' }],
  ])('%s: 403', async (_name, headers) => {
    const reply = await askOf(house, { password: 'a quiet stone arch' }, headers)
    expect(reply.status, shown(reply)).toBe(403)
    expect(reply.json()).toMatchObject({ code: 'access_denied' })
    expect(reply.headers['access-control-allow-origin']).toBeUndefined()
  })

  it('a program that names no origin: 403', async () => {
    const reply = await house.server.client().request(path, { method: 'POST', json: { password: 'x' } })
    expect(reply.status, shown(reply)).toBe(403)
  })

  it.each([
    ['no password', {}],
    ['another type', { password: 12 }],
    ['more than a kibibyte', { password: 'x'.repeat(1025) }],
    ['a member that is none', { password: 'x', login: 'ada' }],
    ['too many words', { password: 'x', context: Array.from({ length: 11 }, String) }],
    ['a word that is too long', { password: 'x', context: ['x'.repeat(201)] }],
  ])('%s: 400', async (_name, body) => {
    const reply = await askOf(house, body)
    expect(reply.status, shown(reply)).toBe(400)
    expect(reply.json()).toMatchObject({ code: 'invalid_request' })
  })

  it('a form: 415', async () => {
    const reply = await house.server.client().post(path, { password: 'x' }, { origin: house.server.issuer })
    expect(reply.status).toBe(415)
  })
})

describe('G-8: nothing of it is kept', () => {
  it('neither in the log, nor in any event or decision', async () => {
    const secret = 'blue-marmot-on-a-bicycle-7741'
    await ask(secret, ['a-very-private-name'])
    await askOf(house, { password: secret }, { origin: 'https://evil.example' })
    await askOf(house, { password: secret, more: secret })
    await house.server.untilLog((line) => line['route'] === path && line['status'] === 400)
    await new Promise((resolve) => setTimeout(resolve, 500))
    const written = JSON.stringify([
      house.server.output(),
      await house.sql`select * from all_events`,
      await house.sql`select * from decisions`,
    ])
    expect(written).toContain(path)
    for (const part of ['marmot', 'bicycle', 'very-private']) expect(written).not.toContain(part)
  })
})

describe('RL-1: how often', () => {
  it('three times a second, and twice as often as sign-ins in a minute, for an address; nobody else waits, and sign-ins are not used up', async () => {
    const limited = await openHouse({
      database: await freshDatabase(),
      env: { KEYWRIGHT_LIMITS: 'on', KEYWRIGHT_LIMIT_LOGIN_ADDRESS: '4', KEYWRIGHT_TRUSTED_PROXIES: '127.0.0.1,::1' },
    })
    const from = async (address: string): Promise<Reply> =>
      await askOf(limited, { password: 'a quiet stone arch' }, { 'x-forwarded-for': address })
    const begun = Date.now()
    const burst = await Promise.all(Array.from({ length: 15 }, async () => await from('203.0.113.7')))
    // As many seconds as it touched: on a slow machine several.
    const seconds = Math.floor(Date.now() / 1000) - Math.floor(begun / 1000) + 1
    const answered = burst.filter(({ status }) => status === 200).length
    expect(answered).toBeGreaterThanOrEqual(3)
    expect(answered).toBeLessThanOrEqual(Math.min(8, 3 * seconds))
    for (const reply of burst.filter(({ status }) => status === 429))
      expect(Number(reply.headers['retry-after'])).toBeGreaterThanOrEqual(1)
    expect((await from('198.51.100.20')).status).toBe(200)
    // Twice as many as sign-ins in a minute, however slowly; the minute may end in between.
    const statuses: number[] = []
    for (let turn = 0; turn < 20; turn += 1) {
      statuses.push((await from('192.0.2.9')).status)
      await new Promise((resolve) => setTimeout(resolve, 350))
    }
    expect(statuses).toContain(429)
    const client = limited.server.client()
    const page = await client.get('/login', { 'x-forwarded-for': '192.0.2.9' })
    const { email } = await limited.person()
    expect((await typePassword(client, page, email, 'wrong')).status).toBe(401)
  })
})
