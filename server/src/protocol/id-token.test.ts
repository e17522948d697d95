/** The claims of an ID token (OpenID Connect Core §2) and at_hash (§3.1.3.6), against the example of the specification. */
import { describe, expect, it } from 'vitest'
import { idTokenClaims, type IdTokenFacts, leftHalfHash } from './id-token.ts'

const facts: IdTokenFacts = {
  issuer: 'https://issuer.example',
  client_id: 'app_1',
  subject: { id: 'u1', roles: ['admin'], permissions: ['users:read'] },
  scope: 'openid profile email',
  now: new Date('2026-01-02T03:04:05.678Z'),
  ttlSeconds: 300,
  auth_time: new Date('2026-01-02T03:00:00.999Z'),
  acr: 'aal1',
  amr: ['pwd'],
  sid: 's1',
  access_token: 'token',
  alg: 'RS256',
}

describe('idTokenClaims', () => {
  it('has what Core §2 asks for, and no profile claims (§5.4)', () => {
    expect(idTokenClaims(facts)).toEqual({
      iss: 'https://issuer.example',
      sub: 'u1',
      aud: 'app_1',
      azp: 'app_1',
      exp: 1_767_323_345,
      iat: 1_767_323_045,
      auth_time: 1_767_322_800,
      acr: 'aal1',
      amr: ['pwd'],
      sid: 's1',
      at_hash: leftHalfHash('token', 'RS256'),
    })
  })

  it('echoes the nonce unchanged, and has none when none was sent', () => {
    for (const nonce of ['n', ' ', '"}', 'ü€', 'x'.repeat(2000)])
      expect(idTokenClaims({ ...facts, nonce })['nonce']).toBe(nonce)
    expect(idTokenClaims(facts)).not.toHaveProperty('nonce')
  })

  it('gives roles for the scope roles only', () => {
    expect(idTokenClaims({ ...facts, scope: 'openid roles' })).toMatchObject({
      roles: ['admin'],
      permissions: ['users:read'],
    })
    expect(idTokenClaims(facts)).not.toHaveProperty('roles')
  })
})

describe('at_hash', () => {
  it('is the one of Core appendix A.3', () => {
    expect(leftHalfHash('jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y', 'RS256')).toBe('77QmUPtjPfzWtF2AnpK9RQ')
  })

  it.each([
    ['RS256', 22],
    ['PS256', 22],
    ['ES256', 22],
    ['EdDSA', 43],
  ])('%s: the left half of its own hash, %i characters', (alg, length) => {
    expect(leftHalfHash('token', alg)).toHaveLength(length)
  })
})
