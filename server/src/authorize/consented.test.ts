/** What a remembered consent covers, pair by pair (RFC 8707 §2.2, security rule AZ-13), and what a person is shown as new. */
import { describe, expect, it } from 'vitest'
import { type Asked, isConsented, whatIsNew } from './consented.ts'

const [a, b] = ['https://a.example/', 'https://b.example/']
const consents = [
  { resource: '', scopes: ['openid', 'email'] },
  { resource: a, scopes: ['openid', 'read'] },
  { resource: b, scopes: ['openid', 'write'] },
]
const asked = (scope: string, ...resources: string[]): Asked => ({
  scopes: scope.split(' ').filter((name) => name !== ''),
  resources,
})

describe('isConsented', () => {
  it.each([
    ['what was allowed', asked('openid read', a), true],
    ['less', asked('read', a), true],
    ['nothing in particular, at a known place', asked('', a), true],
    ['what was allowed at each of two', asked('openid', a, b), true],
    ['a scope of one at both', asked('read', a, b), false],
    ['a scope of the other place', asked('write', a), false],
    ['a new scope', asked('delete', a), false],
    ['a new place', asked('openid', 'https://c.example/'), false],
    ['a place that only looks the same', asked('openid', 'https://a.example'), false],
    ['no place: its own scopes', asked('openid email'), true],
    ['no place: scopes that were allowed at one', asked('openid read'), false],
    ['a place: scopes that were allowed at none', asked('email', a), false],
  ])('%s', (_name, one, known) => {
    expect(isConsented(consents, one)).toBe(known)
  })

  it('without a consent nothing is allowed, not even nothing', () => {
    for (const one of [asked(''), asked('openid'), asked('', a)]) expect(isConsented([], one)).toBe(false)
  })
})

describe('whatIsNew', () => {
  it.each([
    ['a new scope', asked('openid read delete', a), ['delete'], []],
    ['a new place', asked('openid read', a, 'https://c.example/'), [], ['https://c.example/']],
    ['only a new place', asked('openid read', 'https://c.example/'), [], ['https://c.example/']],
    ['a scope of the other place', asked('openid write', a), ['write'], []],
    ['scopes of a place without it', asked('openid read'), ['read'], []],
    ['nothing', asked('openid read', a), [], []],
  ])('%s', (_name, one, newScopes, newResources) => {
    expect(whatIsNew(consents, one)).toEqual({ newScopes, newResources })
  })

  it('the first time everything is new, so nothing is said to be', () => {
    expect(whatIsNew([], asked('openid read', a))).toEqual({ newScopes: [], newResources: [] })
  })
})
