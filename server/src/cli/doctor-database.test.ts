import { describe, expect, it } from 'vitest'
import type { KeyInfo } from '../keys/manage.ts'
import { checkAlg, checkClock } from './doctor-database.ts'

const day = 86_400_000
const now = new Date('2026-11-21T00:00:00Z')
const limits = { rotateSeconds: (90 * day) / 1000, now }
const key = (status: string, daysAgo: number, alg = 'RS256'): KeyInfo => {
  const at = new Date(now.getTime() - daysAgo * day)
  return {
    kid: `${alg}-${status}`,
    alg,
    status,
    created_at: at,
    activate_at: at,
    activated_at: at,
    passive_at: null,
    verify_until: null,
  }
}

describe('checkAlg', () => {
  it.each([
    ['a young key', [key('active', 1)], 'ok', 'RS256-active has signed for 1 day'],
    ['one of today', [key('active', 0.5)], 'ok', 'RS256-active has signed for 0 days'],
    ['one at the limit', [key('active', 90)], 'ok', 'RS256-active has signed for 90 days'],
    [
      'one beyond it with a successor',
      [key('active', 91), key('pending', 0)],
      'ok',
      'RS256-active has signed for 91 days, the next one waits',
    ],
    ['one beyond it alone', [key('active', 91)], 'warning', 'RS256-active has signed for 91 days'],
    [
      'the keys of another algorithm',
      [key('active', 1, 'ES256'), key('passive', 1)],
      'warning',
      'none yet: the server makes one when it starts',
    ],
  ])('%s', (_name, keys, status, detail) => {
    expect(checkAlg('RS256', keys, limits)).toMatchObject({ check: 'key RS256', status, detail })
  })
})

describe('checkClock', () => {
  it.each([
    [0, 'ok'],
    [-1000, 'ok'],
    [1100, 'warning'],
    [-5000, 'warning'],
    [5100, 'failed'],
    [-3_600_000, 'failed'],
  ])('%i ms: %s', (skew, status) => {
    expect(checkClock(skew)).toMatchObject({ status })
  })
})
