import { describe, expect, it } from 'vitest'
import { columns, harmless, minuteOf, table } from './output.ts'

describe('table', () => {
  it('aligns values, leaves out what is absent, keeps each on one line', () => {
    const rows = [
      ['a', 'one'],
      ['longer', 'two\nlines'],
      ['gone', undefined],
      ['none', null],
      ['empty', ''],
    ] as const
    expect(table(rows)).toBe('a       one\nlonger  two lines')
  })
})

describe('columns', () => {
  it('makes each column as wide as its widest cell', () => {
    expect(
      columns(
        ['A', 'LONG'],
        [
          ['wide', 'x'],
          ['y', ''],
        ],
      ),
    ).toBe('A     LONG\nwide  x\ny')
    expect(columns(['A'], [])).toBe('A')
  })
})

describe('harmless', () => {
  it('lets through letters and line ends of all languages', () => {
    expect(harmless('Ada\nÅsa 漢字 🔑')).toBe('Ada\nÅsa 漢字 🔑')
  })
  it.each(['\u001b[2J', '\u0000', '\r', '\t', '\u007f', '\u009b31m', '\u202e', '\u2066'])(
    'replaces what commands a terminal: %j',
    (text) => {
      expect(harmless(text)).toBe(`\ufffd${text.slice(1)}`)
    },
  )
})

it('minuteOf shows an instant in UTC, and nothing for none', () => {
  expect(minuteOf(new Date('2026-11-21T03:04:59.999Z'))).toBe('2026-11-21 03:04 UTC')
  expect(minuteOf(null)).toBe('')
})
