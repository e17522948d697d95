import { describe, expect, test } from 'vitest'
import { createFormats } from './formats.ts'

const at = new Date('2026-11-20T16:40:00Z')

describe('durations', () => {
  test.each([
    [0, '1 second'],
    [1, '1 second'],
    [12.2, '13 seconds'],
    [59, '59 seconds'],
    [60, '1 minute'],
    [95, '2 minutes'],
    [900, '15 minutes'],
    [3600, '1 hour'],
    [5400, '90 minutes'],
    [7300, '3 hours'],
    [86_400, '1 day'],
    [90_000, '25 hours'],
    [604_800, '7 days'],
  ])('%d seconds are %s', (seconds, text) => {
    expect(createFormats('en').duration(seconds)).toBe(text)
  })

  test.each([
    ['de', '10 Minuten'],
    ['fr', '10 minutes'],
    ['es', '10 minutos'],
    ['ja', '10 分'],
    ['ar', '10 دقائق'],
  ])('in %s', (language, text) => {
    expect(createFormats(language).duration(600)).toBe(text)
  })
})

describe('countries', () => {
  test.each([
    ['en', 'DE', 'Germany'],
    ['de', 'DE', 'Deutschland'],
    ['ar', 'JP', 'اليابان'],
    ['ja', 'FR', 'フランス'],
    ['en', 'QX', 'QX'],
    ['en', 'nonsense', 'nonsense'],
    ['en', '', ''],
  ])('%s: %s is %s', (language, code, name) => {
    expect(createFormats(language).country(code)).toBe(name)
  })
})

describe('instants, lists and numbers', () => {
  test.each([
    ['en', 'Nov 20, 2026, 4:40 PM UTC', 'a, b, and c', '12,345'],
    ['de', '20.11.2026, 16:40 UTC', 'a, b und c', '12.345'],
    ['ja', '2026/11/20 16:40 UTC', 'a、b、c', '12,345'],
    ['ar', '20‏/11‏/2026، 4:40 م UTC', 'a وb وc', '12,345'],
  ])('in %s', (language, instant, list, number) => {
    const formats = createFormats(language)
    expect(formats.instant(at)).toBe(instant)
    expect(formats.list(['a', 'b', 'c'])).toBe(list)
    expect(formats.number(12_345)).toBe(number)
  })

  test('digits are the same ones everywhere, in a language with digits of its own too', () => {
    const formats = createFormats('fa')
    expect(formats.number(12)).toBe('12')
    expect(formats.duration(600)).toMatch(/^10 /)
    expect(formats.instant(at)).not.toMatch(/[۰-۹]/)
  })
})
