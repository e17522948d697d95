/** Redirect URIs: which request matches (AZ-1; RFC 9700 §2.1, RFC 8252 §7.3), what may be registered (RG-2). */
import fc, { assert as assertAlways } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkRegistration, isImpersonable, matchRedirect, originOf, redirectHost } from './redirect-uri.ts'

const scheme = (name: string): string => `${name}:`

describe('matchRedirect', () => {
  it.each<[string, string]>([
    ['https://app.example/cb', 'https://app.example/cb'],
    ['https://app.example/cb?x=1&y=%2F', 'https://app.example/cb?x=1&y=%2F'],
    ['com.example.app:/cb', 'com.example.app:/cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:51004/cb'],
    ['http://127.0.0.1:3000/cb', 'http://127.0.0.1/cb'],
    ['http://127.0.0.1:3000', 'http://127.0.0.1:1'],
    ['http://[::1]/cb?x=1', 'http://[::1]:65535/cb?x=1'],
    ['http://localhost:3000/cb', 'http://localhost:3001/cb'],
  ])('%j takes %j', (registered, asked) => {
    expect(matchRedirect(asked, ['https://other.example/', registered], 'native')).toBe(asked)
  })

  it.each<[string, string]>([
    ['https://app.example/cb', 'https://app.example/cb/'],
    ['https://app.example/cb', 'https://app.example/c'],
    ['https://app.example/cb', 'https://app.example/cb?'],
    ['https://app.example/cb', 'https://app.example/cb#'],
    ['https://app.example/cb', 'https://app.example:443/cb'],
    ['https://app.example/cb', 'https://app.example:8443/cb'],
    ['https://app.example/cb', 'https://APP.example/cb'],
    ['https://app.example/cb', 'https://app.example\\cb'],
    ['https://app.example/cb', 'https://app.exa\tmple/cb'],
    ['https://app.example/cb', 'https://app．example/cb'],
    ['https://app.example/cb', 'https://app.example/./cb'],
    ['https://app.example/cb', 'https://app.example/%63b'],
    ['https://app.example/cb', ' https://app.example/cb'],
    ['https://app.example/cb', ''],
    ['https://app.example/*', 'https://app.example/cb'],
    ['https://app.example/.*', 'https://app.example/cb'],
    ['http://127.0.0.1/cb', 'http://localhost/cb'],
    ['http://localhost/cb', 'http://127.0.0.1/cb'],
    ['http://127.0.0.1/cb', 'http://[::1]/cb'],
    ['http://127.0.0.1/cb', 'https://127.0.0.1/cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:/cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:0/cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:08/cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:65536/cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:123456/cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:1@evil.example/cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:1/cb/../x'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1.evil.example/cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.2/cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:1/cb\n'],
    ['http://127.0.0.1', 'http://127.0.0.1:1/'],
    ['http://10.0.0.1/cb', 'http://10.0.0.1:1/cb'],
    ['com.example.app:/cb', 'com.example.app:1/cb'],
  ])('%j does not take %j', (registered, asked) => {
    expect(matchRedirect(asked, [registered], 'native')).toBeUndefined()
  })

  it('nothing is registered: nothing matches', () => {
    expect(matchRedirect('https://app.example/cb', [], 'native')).toBeUndefined()
    expect(matchRedirect('', [], 'native')).toBeUndefined()
  })

  it('away from loopback, any other text than the registered one is another URI', () => {
    const registered = 'https://app.example/callback?x=1'
    const changed = fc
      .tuple(fc.nat(registered.length), fc.nat(3), fc.string({ unit: 'binary', maxLength: 3 }))
      .map(([place, gone, more]) => registered.slice(0, place) + more + registered.slice(place + gone))
    assertAlways(
      fc.property(
        changed,
        (asked) => (matchRedirect(asked, [registered], 'native') === undefined) === (asked !== registered),
      ),
      { numRuns: 2000 },
    )
  })

  it('on loopback, only digits of a port make a difference that is let through', () => {
    const registered = 'http://127.0.0.1:8000/cb'
    const changed = fc
      .tuple(
        fc.nat(registered.length),
        fc.nat(4),
        fc.string({ unit: fc.constantFrom('0', '9', ':', '@', '/', '.', 'a', '\\'), maxLength: 4 }),
      )
      .map(([place, gone, more]) => registered.slice(0, place) + more + registered.slice(place + gone))
    assertAlways(
      fc.property(changed, (asked) => {
        if (matchRedirect(asked, [registered], 'native') === undefined) return true
        return /^http:\/\/127\.0\.0\.1(:[1-9]\d{0,4})?\/cb$/.test(asked)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('checkRegistration', () => {
  const everybody = [
    'https://app.example/cb',
    'https://app.example',
    'https://app.example:8443/a/b?x=1',
    'http://127.0.0.1/cb',
    'http://127.0.0.1:3000/cb',
    'http://[::1]:1/cb',
    'http://localhost/cb',
    'http://localhost',
  ]

  it.each(everybody)('%j may be registered by everybody', (uri) => {
    for (const owner of ['web', 'spa', 'native'] as const) expect(checkRegistration(uri, owner)).toBeUndefined()
  })

  it('RFC 8252 §7.1: a reverse domain name as scheme is for native applications', () => {
    expect(checkRegistration('com.example.app:/cb', 'native')).toBeUndefined()
    expect(checkRegistration('com.example.app://cb', 'native')).toBeUndefined()
    for (const owner of ['web', 'spa', 'machine'] as const)
      expect(checkRegistration('com.example.app:/cb', owner)).toMatchObject({ error: 'invalid_redirect_uri' })
  })

  it.each([
    '',
    'app.example/cb',
    '/cb',
    '//app.example/cb',
    'https://',
    'https://app.example/cb#',
    'https://app.example/cb#x',
    'https://*.example/cb',
    'https://app.example/*',
    'https://user@app.example/cb',
    'https://user:pass@app.example/cb',
    'https://@app.example/cb',
    'https://app.example\\cb',
    'https://app.example/c b',
    'https://app.example/c\tb',
    'https://app.example/ä',
    'https://app．example/cb',
    ' https://app.example/cb',
    `https://app.example/${'x'.repeat(2000)}`,
    'http://app.example/cb',
    'http://127.0.0.2/cb',
    'http://127.0.0.1.evil.example/cb',
    'http://localhost.evil.example/cb',
    'http://0.0.0.0/cb',
    'http://10.0.0.1/cb',
    `${scheme('javascript')}alert(1)`,
    `${scheme('JavaScript')}alert(1)`,
    `java\nscript:alert(1)`,
    'data:text/html,x',
    'file:///etc/passwd',
    'blob:https://app.example/x',
    'vbscript:x',
    'about:blank',
    'ftp://app.example/cb',
    'myapp:/cb',
    'myapp://cb',
    'x.:/cb',
  ])('RG-2: %j may be registered by nobody', (uri) => {
    for (const owner of ['web', 'spa', 'native'] as const)
      expect(checkRegistration(uri, owner)).toMatchObject({ denied: true, error: 'invalid_redirect_uri' })
  })

  it('what may be registered matches itself', () => {
    for (const uri of [...everybody, 'com.example.app:/cb']) expect(matchRedirect(uri, [uri], 'native')).toBe(uri)
  })
})

describe('what people are shown', () => {
  it.each<[string, string]>([
    ['https://app.example/cb', 'app.example'],
    ['https://app.example:8443/cb', 'app.example:8443'],
    ['http://127.0.0.1:9/cb', '127.0.0.1:9'],
    ['com.example.app:/cb', 'com.example.app'],
    ['no uri', 'no uri'],
  ])('redirectHost of %j is %j', (uri, host) => {
    expect(redirectHost(uri)).toBe(host)
  })

  it.each<[string, boolean]>([
    ['https://app.example/cb', false],
    ['http://127.0.0.1/cb', true],
    ['http://localhost/cb', true],
    ['com.example.app:/cb', true],
    ['HTTPS://app.example/cb', true],
  ])('isImpersonable of %j is %s', (uri, expected) => {
    expect(isImpersonable(uri)).toBe(expected)
  })

  it.each<[string, string | undefined]>([
    ['https://app.example/cb', 'https://app.example'],
    ['https://APP.example:443/cb', 'https://app.example'],
    ['http://localhost:3000/', 'http://localhost:3000'],
    ['com.example.app:/cb', undefined],
    ['data:text/html,x', undefined],
    ['nothing', undefined],
  ])('originOf of %j is %j', (uri, origin) => {
    expect(originOf(uri)).toBe(origin)
  })
})
