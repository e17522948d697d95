/** What is due in the life of a signing key, as a table (security design 3.10). */
import { describe, expect, it } from 'vitest'
import { dueSteps, type KeyFacts, type Policy, type Step } from './lifecycle.ts'

const day = 86_400
const policy: Policy = { algs: ['RS256'], publishSeconds: day, rotateSeconds: 90 * day, longestTokenSeconds: 3600 }
const start = new Date('2026-01-01T00:00:00Z')
const at = (seconds: number): Date => new Date(start.getTime() + seconds * 1000)

const key = (change: Partial<KeyFacts>): KeyFacts => ({
  kid: 'old',
  alg: 'RS256',
  status: 'active',
  activate_at: start,
  activated_at: start,
  verify_until: null,
  ...change,
})
const pending = (seconds: number, kid = 'next'): KeyFacts =>
  key({ kid, status: 'pending', activate_at: at(seconds), activated_at: null })
const passive = (seconds: number): KeyFacts => key({ kid: 'past', status: 'passive', verify_until: at(seconds) })

describe('dueSteps', () => {
  it.each<[string, KeyFacts[], number, object[]]>([
    ['no key: one is made that signs at once', [], 0, [{ do: 'create', alg: 'RS256', activate_at: at(0) }]],
    ['a young key: nothing', [key({})], 1, []],
    ['a second before the successor has to be published: nothing', [key({})], 89 * day - 1, []],
    [
      'a day before the end: the successor, to sign when the day is over',
      [key({})],
      89 * day,
      [{ do: 'create', alg: 'RS256', activate_at: at(90 * day) }],
    ],
    [
      'a node that slept: the successor gets its whole day all the same',
      [key({})],
      100 * day,
      [{ do: 'create', alg: 'RS256', activate_at: at(101 * day) }],
    ],
    ['a successor that waits: not another one', [key({}), pending(90 * day)], 89 * day + 1, []],
    ['a second before it signs: nothing', [key({}), pending(90 * day)], 90 * day - 1, []],
    [
      'its time has come: it signs, the old one verifies as long as its last token may live, and a minute',
      [key({}), pending(90 * day)],
      90 * day,
      [{ do: 'activate', kid: 'next', replaces: 'old', verify_until: at(90 * day + 3660) }],
    ],
    [
      'no active key: the one that waits signs at once',
      [pending(90 * day)],
      5,
      [{ do: 'activate', kid: 'next', replaces: undefined, verify_until: at(5 + 3660) }],
    ],
    [
      'two that wait: the earlier first',
      [key({}), pending(95 * day, 'later'), pending(90 * day, 'sooner')],
      90 * day,
      [{ do: 'activate', kid: 'sooner', replaces: 'old', verify_until: at(90 * day + 3660) }],
    ],
    ['a passive key a second before its end: nothing', [key({}), passive(60)], 59, []],
    ['a passive key at its end: retired', [key({}), passive(60)], 60, [{ do: 'retire', kid: 'past' }]],
    ['a retired and a compromised key: nothing more', [key({}), key({ kid: 'r', status: 'retired' })], 1, []],
    [
      'compromised alone counts as no key',
      [key({ status: 'compromised' })],
      7,
      [{ do: 'create', alg: 'RS256', activate_at: at(7) }],
    ],
  ])('%s', (_name, keys, seconds, steps) => {
    expect(dueSteps(keys, policy, at(seconds))).toEqual(steps)
  })

  it('looks at each algorithm for itself, and at none that is switched off', () => {
    const both = { ...policy, algs: ['RS256', 'ES256'] }
    expect(dueSteps([key({})], both, at(1))).toEqual([{ do: 'create', alg: 'ES256', activate_at: at(1) }])
    expect(dueSteps([key({}), pending(0)], { ...policy, algs: ['ES256'] }, at(100 * day))).toEqual([
      { do: 'create', alg: 'ES256', activate_at: at(100 * day) },
    ])
  })

  it('never has two keys of an algorithm sign, and never signs with one that was not published long enough', () => {
    let keys: KeyFacts[] = []
    const published = new Map<string, number>()
    const noticeHours: number[] = []
    const apply = (step: Step, hour: number): KeyFacts[] => {
      if (step.do === 'retire') return keys.filter((one) => one.kid !== step.kid)
      if (step.do === 'create') {
        const kid = `k${hour}`
        published.set(kid, hour)
        return [...keys, key({ kid, status: 'pending', activate_at: step.activate_at, activated_at: null })]
      }
      if (step.replaces !== undefined) noticeHours.push(hour - (published.get(step.kid) ?? 0))
      return keys.map((one) => {
        if (one.kid === step.kid) return { ...one, status: 'active', activated_at: at(hour * 3600) }
        return one.kid === step.replaces ? { ...one, status: 'passive', verify_until: step.verify_until } : one
      })
    }
    for (let hour = 0; hour < 24 * 400; hour += 1) {
      for (const step of dueSteps(keys, policy, at(hour * 3600))) keys = apply(step, hour)
      expect(keys.filter((one) => one.status === 'active').length).toBeLessThanOrEqual(1)
    }
    expect(published.size).toBe(5)
    expect(noticeHours).toEqual([24, 24, 24, 24])
  })
})
