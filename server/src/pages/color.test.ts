import { describe, expect, test } from 'vitest'
import { contrast, shadeFor, toHex, toOklch } from './color.ts'

describe('colour arithmetic', () => {
  test.each([
    ['#ffffff', '#000000', 21],
    ['#ffffff', '#ffffff', 1],
    ['#777777', '#ffffff', 4.48],
    ['#0000ff', '#ffffff', 8.59],
  ])('contrast of %s and %s is %d, in both orders', (a, b, expected) => {
    expect(contrast(a, b)).toBeCloseTo(expected, 2)
    expect(contrast(b, a)).toBeCloseTo(expected, 2)
  })

  test.each(['#3b5bdb', '#000000', '#ffffff', '#ff0000', '#00ff00', '#ffd43b', '#808080'])(
    '%s survives OKLCH',
    (hex) => {
      expect(toHex(toOklch(hex))).toBe(hex)
    },
  )

  test('a colour that a screen cannot show keeps its lightness', () => {
    const shown = toOklch(toHex({ l: 0.7, c: 0.4, h: 140 }))
    expect(shown.l).toBeCloseTo(0.7, 2)
    expect(shown.h).toBeCloseTo(140, 0)
  })

  test('shadeFor leaves a sufficient shade alone and moves another no further than needed', () => {
    expect(shadeFor(toOklch('#3b5bdb'), { against: ['#ffffff'], ratio: 4.5, direction: 'darker' })).toBe('#3b5bdb')
    const yellow = shadeFor(toOklch('#ffd43b'), { against: ['#ffffff'], ratio: 4.5, direction: 'darker' })
    expect(contrast(yellow, '#ffffff')).toBeGreaterThanOrEqual(4.5)
    expect(contrast(yellow, '#ffffff')).toBeLessThan(4.8)
  })

  test('shadeFor ends at black or white when nothing reaches the ratio', () => {
    expect(shadeFor(toOklch('#777777'), { against: ['#777777'], ratio: 20, direction: 'darker' })).toBe('#000000')
    expect(shadeFor(toOklch('#777777'), { against: ['#777777'], ratio: 20, direction: 'lighter' })).toBe('#ffffff')
  })
})
