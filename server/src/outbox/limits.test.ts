import { describe, expect, it } from 'vitest'
import type { Letter } from './letter.ts'
import { countryOf, tooMany } from './limits.ts'

describe('countryOf: the calling code, and in North America the area', () => {
  it.each([
    ['+4915112345678', '+49'],
    ['+436641234567', '+43'],
    ['+423791234567', '+423'],
    ['+79161234567', '+7'],
    ['+201001234567', '+20'],
    ['+212612345678', '+212'],
    ['+33612345678', '+33'],
    ['+35312345678', '+353'],
    ['+37012345678', '+370'],
    ['+390612345678', '+39'],
    ['+447911123456', '+44'],
    ['+5511912345678', '+55'],
    ['+50612345678', '+506'],
    ['+59012345678', '+590'],
    ['+6591234567', '+65'],
    ['+67012345678', '+670'],
    ['+819012345678', '+81'],
    ['+85212345678', '+852'],
    ['+88212345678', '+882'],
    ['+919812345678', '+91'],
    ['+96512345678', '+965'],
    ['+989121234567', '+98'],
    ['+12125550123', '+1212'],
    ['+18765550123', '+1876'],
  ])('%s: %s', (number, country) => {
    expect(countryOf(number)).toBe(country)
  })
})

describe('tooMany, a second before and at each bound', () => {
  const now = new Date('2026-11-27T12:00:00Z')
  const kind = (name: string, limit: Letter['limit']): Letter => ({
    kind: name,
    channel: 'email',
    lifeSeconds: 60,
    limit,
    write: async () => await Promise.resolve(undefined),
  })
  const kinds = new Map(
    [
      kind('reset', 'asked'),
      kind('verify', 'asked'),
      kind('code', 'code'),
      kind('other_code', 'code'),
      kind('warn', 'notice'),
    ].map((one) => [one.kind, one]),
  )
  const ago = (name: string, ...seconds: number[]) =>
    seconds.map((past) => ({
      kind: name,
      channel: 'email' as const,
      created_at: new Date(now.getTime() - past * 1000),
    }))
  const judge = (name: string, earlier: ReturnType<typeof ago>): boolean => {
    const letter = kinds.get(name)
    if (letter === undefined) throw new Error(name)
    return tooMany(letter, earlier, { kinds, now })
  }

  it.each([
    ['code', ago('code', 1, 2), false],
    ['code', ago('code', 1, 2, 599), true],
    ['code', ago('code', 1, 2, 600), false],
    ['code', [...ago('code', 1, 2), ...ago('other_code', 1, 2, 3)], false],
    ['code', ago('code', 700, 1400, 2100, 2800, 3500, 4200, 4900, 5600, 6300, 86_399), true],
    ['code', ago('code', 700, 1400, 2100, 2800, 3500, 4200, 4900, 5600, 6300, 86_400), false],
    ['reset', ago('reset', 1, 2, 3, 4), false],
    ['reset', [...ago('reset', 1, 2, 3), ...ago('verify', 4, 3599)], true],
    ['reset', [...ago('reset', 1, 2, 3), ...ago('verify', 4, 3600)], false],
    ['reset', [...ago('code', 1, 2, 3, 4, 5), ...ago('warn', 1), ...ago('gone', 1)], false],
    ['warn', ago('warn', ...Array.from({ length: 100 }, (_, past) => past)), false],
  ])('%s after %j: %s', (name, earlier, expected) => {
    expect(judge(name, earlier)).toBe(expected)
  })
})
