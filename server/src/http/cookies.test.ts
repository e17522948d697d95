/** Cookies: names, attributes, strict reading (security rule CK-1). */
import fc, { assert as assertAlways } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cookieName, readCookie, writeCookie } from './cookies.ts'

const http = 'http://localhost:8080'
const https = 'https://id.example'

describe('CK-1', () => {
  it('the name has the __Host- prefix over https, and none over http, where browsers refuse it', () => {
    expect(cookieName(https, 'session')).toBe('__Host-kw_session')
    expect(cookieName(http, 'session')).toBe('kw_session')
  })

  it('is written with every attribute it needs and no Domain', () => {
    expect(writeCookie({ issuer: https }, { name: 'session', value: 'v', maxAgeSeconds: 60 })).toBe(
      '__Host-kw_session=v; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=60',
    )
    expect(writeCookie({ issuer: http }, { name: 'device', value: 'v' })).toBe(
      'kw_device=v; Path=/; HttpOnly; SameSite=Lax',
    )
    expect(writeCookie({ issuer: https }, { name: 'browser', value: '', maxAgeSeconds: 60 })).toBe(
      '__Host-kw_browser=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0',
    )
  })

  it.each<[string | undefined, string | undefined]>([
    [undefined, undefined],
    ['', undefined],
    ['kw_session=abc', 'abc'],
    ['a=b; kw_session=abc; c=d', 'abc'],
    ['kw_session=abc;a=b', 'abc'],
    ['kw_session=a-b_c.d', 'a-b_c.d'],
    ['kw_session=', undefined],
    ['kw_session', undefined],
    ['kw_session=abc; kw_session=abc', undefined],
    ['kw_session=abc; kw_session=', undefined],
    ['kw_session=abc;  kw_session=def', undefined],
    ['kw_session="abc"', undefined],
    ['kw_session=abc def', undefined],
    ['kw_session=abc%20', undefined],
    ['kw_session=abc=', undefined],
    ['kw_session=äbc', undefined],
    [`kw_session=${'x'.repeat(201)}`, undefined],
    [`kw_session=${'x'.repeat(200)}`, 'x'.repeat(200)],
    ['KW_SESSION=abc', undefined],
    ['xkw_session=abc', undefined],
    ['kw_session2=abc', undefined],
    ['__Host-kw_session=abc', undefined],
    ['a=kw_session=abc', undefined],
  ])('%j reads as %j', (header, expected) => {
    expect(readCookie(header, http, 'session')).toBe(expected)
  })

  it('over https a name without the prefix is nothing: anybody may set it from a neighbouring host', () => {
    expect(readCookie('kw_session=abc; __Secure-kw_session=abc', https, 'session')).toBeUndefined()
    expect(readCookie('kw_session=bad; __Host-kw_session=abc', https, 'session')).toBe('abc')
  })

  it('what is written is read, among others and at any place', () => {
    const value = fc.stringMatching(/^[A-Za-z0-9_-]{43}$/)
    const others = fc.array(fc.stringMatching(/^[a-z]{1,5}=[!-:<-~]{0,9}$/))
    assertAlways(
      fc.property(value, others, others, (one, before, after) => {
        const own = writeCookie({ issuer: https }, { name: 'session', value: one }).split(';')[0] ?? ''
        return readCookie([...before, own, ...after].join('; '), https, 'session') === one
      }),
    )
  })

  it('any header gives a value of the plain form or none', () => {
    const text = fc.string({ unit: fc.constantFrom('kw_session=', 'abc', '; ', ';', ' ', '"', ',', '=', '\t', 'ä') })
    assertAlways(fc.property(text, (header) => /^[\w.-]{1,200}$/.test(readCookie(header, http, 'session') ?? 'none')))
  })
})
