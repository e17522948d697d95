/** Query strings and form bodies, strictly (RFC 6749 appendix B). */
import fc, { assert as assertAlways } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isDenial } from './errors.ts'
import { formatParams, param, paramAll, type Params, parseParams, repeated } from './params.ts'

const read = (text: string): [string, readonly string[]][] => {
  const params = parseParams(text)
  if (isDenial(params)) throw new Error(JSON.stringify(params))
  return [...params]
}

describe('parseParams', () => {
  it.each<[string, [string, string[]][]]>([
    ['', []],
    ['a=1', [['a', ['1']]]],
    [
      'a=1&b=2',
      [
        ['a', ['1']],
        ['b', ['2']],
      ],
    ],
    [
      'a=1&a=2&b=3&a=4',
      [
        ['a', ['1', '2', '4']],
        ['b', ['3']],
      ],
    ],
    ['a=b=c', [['a', ['b=c']]]],
    ['a+b=c+d%2B', [['a b', ['c d+']]]],
    ['%61=%C3%A4', [['a', ['ä']]]],
    ['a=&b=1&c&=d&&', [['b', ['1']]]],
    ['a=%20', [['a', [' ']]]],
    ['a=%25zz', [['a', ['%zz']]]],
    ['a=1;b=2', [['a', ['1;b=2']]]],
    ['a[]=1&a[]=2', [['a[]', ['1', '2']]]],
    [
      '__proto__=1&constructor=2',
      [
        ['__proto__', ['1']],
        ['constructor', ['2']],
      ],
    ],
    ['a=%F0%9F%94%91', [['a', ['🔑']]]],
  ])('%j', (text, expected) => {
    expect(read(text)).toEqual(expected)
  })

  it.each([
    'a=%',
    'a=%2',
    'a=%zz',
    '%=a',
    'a=%FF',
    'a=%C3',
    'a=%ED%A0%80',
    'a=%C0%80',
    'a=%00',
    '%00=a',
    'a=\0',
    'a=1&b=%E2%82',
  ])('%j is refused, not repaired', (text) => {
    expect(parseParams(text)).toMatchObject({ denied: true, error: 'invalid_request' })
  })

  it('100 parameters are read, 101 are not', () => {
    const many = (count: number): string => Array.from({ length: count }, (_, index) => `n${index}=1`).join('&')
    expect(read(many(100))).toHaveLength(100)
    expect(parseParams(many(101))).toMatchObject({ because: { expected: 'at most 100 parameters', got: '101' } })
  })

  it('reads what URLSearchParams writes, and formatParams writes what it reads', () => {
    const text = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
      .filter((one) => !one.includes('\0') && one.isWellFormed())
    const map = fc.uniqueArray(fc.tuple(text, fc.array(text, { minLength: 1, maxLength: 3 })), {
      selector: ([name]) => name,
      maxLength: 8,
    })
    assertAlways(
      fc.property(map, (entries) => {
        const pairs = entries.flatMap(([name, values]) => values.map((value): [string, string] => [name, value]))
        const params: Params = new Map(entries)
        expect(read(new URLSearchParams(pairs).toString())).toEqual(entries)
        expect(read(formatParams(params))).toEqual(entries)
      }),
    )
  })

  it('never throws, and never gives an empty name or value, NUL or a lone surrogate', () => {
    assertAlways(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', '=', '&', '%', '+', '0', 'f', 'F', 'é', '\0', ';', '{') }),
        (text) => {
          const params = parseParams(text)
          if (isDenial(params)) return params.error === 'invalid_request'
          const all = [...params].flatMap(([name, values]) => [name, ...values])
          return all.every((one) => one !== '' && !one.includes('\0') && one.isWellFormed())
        },
      ),
      { numRuns: 2000 },
    )
  })
})

describe('reading', () => {
  const params: Params = new Map([
    ['a', ['1', '2']],
    ['resource', ['x', 'y']],
  ])

  it('param is the first, paramAll all', () => {
    expect([param(params, 'a'), param(params, 'b')]).toEqual(['1', undefined])
    expect([paramAll(params, 'a'), paramAll(params, 'b')]).toEqual([['1', '2'], []])
  })

  it('RFC 6749 §3.1: what comes twice is refused by name, resource apart (RFC 8707 §2)', () => {
    expect(repeated(params)).toMatchObject({
      error: 'invalid_request',
      error_description: 'The parameter a is repeated.',
      because: { got: '2 times' },
    })
    expect(repeated(params, ['a', 'resource'])).toBeUndefined()
    expect(repeated(new Map([['resource', ['x', 'y']]]))).toBeUndefined()
    expect(repeated(params, [])).toMatchObject({ error: 'invalid_request' })
    expect(repeated(new Map([['a', ['1']]]))).toBeUndefined()
  })

  it('RFC 6749 §5.2: a name from outside does not get into the sentence when it is not plain', () => {
    for (const name of ['"quoted"', 'a\nb', 'ä', '<script>', 'x'.repeat(61)]) {
      const denial = repeated(new Map([[name, ['1', '2']]]))
      expect(denial?.error_description).toBe('The parameter with an unusual name is repeated.')
    }
  })
})
