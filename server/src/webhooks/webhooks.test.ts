/** The pure parts of webhooks: signatures (Standard Webhooks 1.0), who hears what, when it is tried again (WH-2). */
import { describe, expect, it } from 'vitest'
import { isPattern, isWanted, payloadOf } from './message.ts'
import { nextAttempt, pauses, verdict } from './schedule.ts'
import { secretFrom, signedHeaders } from './sign.ts'

const now = new Date('2026-01-02T03:04:05.678Z')

describe('WH-2: a signature', () => {
  it('is that of the reference libraries', () => {
    // The example of the specification's own test suite.
    const headers = signedHeaders(
      { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', timestampSeconds: 1614265330, body: '{"test": 2432232314}' },
      ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
    )
    expect(headers['webhook-signature']).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=')
  })

  it('is made with each secret while one follows the other, the newest first', () => {
    const [one, other] = [secretFrom(Buffer.alloc(32, 1)), secretFrom(Buffer.alloc(32, 2))]
    const message = { id: 'msg_1', timestampSeconds: 1, body: '{}' }
    const alone = [one, other].map((secret) => signedHeaders(message, [secret])['webhook-signature'])
    expect(signedHeaders(message, [one, other])['webhook-signature']).toBe(alone.join(' '))
  })
})

describe('who hears what', () => {
  const event = (type: string, client_id: string | null = null) => ({ type, client_id })
  it.each([
    [['*'], null, event('user.created'), true],
    [['user.*'], null, event('user.created'), true],
    [['user.*'], null, event('users.imported'), false],
    [['user.created'], null, event('user.created'), true],
    [['user.created'], null, event('user.updated'), false],
    [['*'], 'app_1', event('token.issued', 'app_1'), true],
    [['*'], 'app_1', event('token.issued', 'app_2'), false],
    [['*'], 'app_1', event('user.created'), false],
  ] as const)('%j of client %j, %j: %j', (events, client_id, happened, wanted) => {
    expect(isWanted({ events, client_id }, happened)).toBe(wanted)
  })

  it.each([
    ['user.created', true],
    ['user.*', true],
    ['*', true],
    ['user', false],
    ['user.', false],
    ['nothing.*', false],
    ['**', false],
    ['__proto__', false],
    ['', false],
  ])('%j is a pattern: %j', (pattern, is) => expect(isPattern(pattern)).toBe(is))

  it('an application is not told where people were', () => {
    const about = {
      seq: 1,
      sequenced_at: '',
      id: 'i',
      type: 'login.succeeded',
      at: now.toISOString(),
      severity: 'info',
    }
    const who = {
      outcome: 'success',
      user_id: 'u',
      actor_id: null,
      client_id: 'app_1',
      session_id: null,
      request_id: null,
    }
    const whole = { ...about, ...who, ip: '192.0.2.1', user_agent: 'x', data: {} }
    expect(payloadOf(whole, { events: ['*'], client_id: null }).data).toMatchObject({ ip: '192.0.2.1' })
    expect(JSON.stringify(payloadOf(whole, { events: ['*'], client_id: 'app_1' }))).not.toContain('192.0.2.1')
  })
})

describe('WH-2: a message that did not get through', () => {
  it('is tried for more than a day, each pause spread by a fifth', () => {
    expect(pauses.reduce((sum, pause) => sum + pause, 0) * 0.9).toBeGreaterThan(86_400)
    for (const [index, pause] of pauses.entries()) {
      const seconds = [0, 1].map(
        (random) => ((nextAttempt(index + 1, now, random)?.getTime() ?? 0) - now.getTime()) / 1000,
      )
      expect(seconds.map((one) => Math.round(one * 10))).toEqual([pause * 9, pause * 11])
    }
    expect(nextAttempt(pauses.length + 1, now, 0)).toBeUndefined()
  })

  it.each([
    [410, 0, 'gone'],
    [500, 3 * 86_400_000 - 1, undefined],
    [500, 3 * 86_400_000, 'failing'],
    [null, 3 * 86_400_000, 'failing'],
  ])('an endpoint that answers %j after %i ms of failures: %j', (status, ms, expected) => {
    expect(verdict({ status, failing_since: new Date(now.getTime() - ms) }, now)).toBe(expected)
  })
})
