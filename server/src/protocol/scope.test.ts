/** Scopes (RFC 6749 §3.3; security rule AZ-9). */
import fc, { assert as assertAlways } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isDenial } from './errors.ts'
import { decideScope, formatScope, isScopeToken, parseScope } from './scope.ts'

describe('scope strings', () => {
  it.each<[string, string[]]>([
    ['', []],
    [' ', []],
    ['openid', ['openid']],
    ['  a   b a ', ['a', 'b']],
    ['b a', ['b', 'a']],
    ['A a', ['A', 'a']],
    ['a\tb', ['a\tb']],
  ])('%j', (text, names) => {
    expect(parseScope(text)).toEqual(names)
    expect(parseScope(formatScope(names))).toEqual(names)
  })

  it.each(['openid', 'read:users', 'https://api.example/read', '!', '#', '[', ']', '~', "'", 'a'.repeat(200)])(
    '%j is a scope-token',
    (name) => {
      expect(isScopeToken(name)).toBe(true)
    },
  )

  it.each(['', ' ', '"', '\\', 'a b', 'ä', 'a\n', '\u007f', '\0', 'a'.repeat(201)])('%j is none', (name) => {
    expect(isScopeToken(name)).toBe(false)
  })
})

describe('decideScope', () => {
  const allowed = ['openid', 'read', 'write']

  it.each<[string | undefined, 'all' | 'none', string[]]>([
    [undefined, 'none', []],
    [undefined, 'all', allowed],
    ['', 'all', []],
    ['read', 'none', ['read']],
    ['write openid write', 'none', ['write', 'openid']],
  ])('%j, absent means %s', (asked, whenAbsent, expected) => {
    expect(decideScope(asked, allowed, whenAbsent)).toEqual(expected)
  })

  it.each(['admin', 'read admin', 'READ', 'read\twrite', 'read,write', 'rea', 'readx', '*', '"read"', 'ｒｅａｄ'])(
    '%j is invalid_scope as a whole',
    (asked) => {
      expect(decideScope(asked, allowed, 'none')).toMatchObject({ denied: true, error: 'invalid_scope' })
    },
  )

  it('what is granted lies within what was asked and within what is allowed', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'A', 'ab', '*', '')
    assertAlways(
      fc.property(fc.array(name), fc.array(name), (asked, own) => {
        const granted = decideScope(asked.join(' '), own, 'none')
        if (isDenial(granted)) return asked.some((one) => one !== '' && !own.includes(one))
        return granted.every((one) => asked.some((two) => two === one) && own.some((two) => two === one))
      }),
    )
  })

  it('a scope that cannot be one is refused even where it is registered', () => {
    expect(decideScope('a"b', ['a"b'], 'none')).toMatchObject({ error: 'invalid_scope' })
  })

  it('tells the operator what is allowed', () => {
    expect(decideScope('x', [], 'none')).toMatchObject({ because: { expected: 'any of: none', got: 'x' } })
    expect(decideScope('x', allowed, 'none')).toMatchObject({ because: { expected: 'any of: openid read write' } })
  })
})
