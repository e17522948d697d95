import { describe, expect, it } from 'vitest'
import { collect, duration, jsonObject, numberBetween, wholeNumber } from './input.ts'

describe('duration', () => {
  it.each([
    ['0', 0],
    ['90', 90],
    ['90s', 90],
    ['30m', 1800],
    ['24h', 86_400],
    ['7d', 604_800],
    ['366d', 31_622_400],
  ])('reads %s as %i seconds', (text, seconds) => {
    expect(duration(text)).toBe(seconds)
  })
  it.each(['', 'h', '-1', '1.5h', '1w', '367d', '1 h', '99999999999'])('refuses %j', (text) => {
    expect(() => duration(text)).toThrow('It must be a time such as 90s, 30m, 24h or 7d, at most a year.')
  })
})

describe('numbers', () => {
  it.each(['', '-1', '1.0', '1e3', '0x1', ' 1', '1234567890123456'])('are whole: %j is not', (text) => {
    expect(() => wholeNumber(text)).toThrow('It must be a whole number.')
  })
  it('keep to their bounds', () => {
    const read = numberBetween(30, 3600)
    expect([read('30'), read('3600')]).toEqual([30, 3600])
    for (const text of ['29', '3601']) expect(() => read(text)).toThrow('It must be from 30 to 3600.')
  })
})

it('collect gathers in order', () => {
  expect(collect('b', collect('a', undefined))).toEqual(['a', 'b'])
})

describe('jsonObject', () => {
  it('takes an object and nothing else', () => {
    expect(jsonObject('{"a":[1]}')).toEqual({ a: [1] })
    for (const text of ['[1]', 'null', '"a"', '7']) expect(() => jsonObject(text)).toThrow('It must be a JSON object')
    expect(() => jsonObject('{a:1}')).toThrow('It must be JSON.')
  })
})
