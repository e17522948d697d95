/** The claims of an access token (RFC 9068 §2.2) and the instant that its jti tells. */
import { describe, expect, it } from 'vitest'
import { uuidv7 } from '../io/ids.ts'
import { accessTokenClaims, type AccessTokenFacts, issuedAtMs, seconds } from './access-token.ts'

const now = new Date('2026-01-02T03:04:05.678Z')
const facts: AccessTokenFacts = {
  issuer: 'https://issuer.example',
  client_id: 'app_1',
  audience: ['https://api.example'],
  scope: 'openid roles',
  jti: uuidv7(now),
  now,
  ttlSeconds: 300,
}
const person = {
  subject: { id: 'u1', roles: ['admin'], permissions: ['users:read'] },
  sid: 's1',
  grant_id: 'g1',
  auth_time: new Date('2026-01-02T03:00:00.999Z'),
  acr: 'aal1',
}

describe('accessTokenClaims', () => {
  it('of a person', () => {
    expect(accessTokenClaims({ ...facts, ...person })).toEqual({
      iss: 'https://issuer.example',
      sub: 'u1',
      aud: 'https://api.example',
      exp: 1_767_323_345,
      iat: 1_767_323_045,
      nbf: 1_767_323_045,
      jti: facts.jti,
      client_id: 'app_1',
      scope: 'openid roles',
      sid: 's1',
      grant_id: 'g1',
      auth_time: 1_767_322_800,
      acr: 'aal1',
      roles: ['admin'],
      permissions: ['users:read'],
    })
  })

  it('of a client for itself: the client is the subject, and nothing speaks of a person (§2.2)', () => {
    const claims = accessTokenClaims(facts)
    expect(claims.sub).toBe('app_1')
    for (const name of ['sid', 'grant_id', 'auth_time', 'acr', 'roles', 'permissions'])
      expect(claims).not.toHaveProperty(name)
  })

  it('roles only for the scope roles, and then also when there are none', () => {
    expect(accessTokenClaims({ ...facts, ...person, scope: 'openid' })).not.toHaveProperty('roles')
    expect(accessTokenClaims({ ...facts, ...person, scope: 'openid xroles' })).not.toHaveProperty('roles')
    expect(accessTokenClaims({ ...facts, ...person, subject: { id: 'u1', roles: [], permissions: [] } })).toMatchObject(
      {
        roles: [],
        permissions: [],
      },
    )
  })

  it('no empty scope; one audience as a string, several as a list (RFC 7519 §4.1.3)', () => {
    expect(accessTokenClaims({ ...facts, scope: '' })).not.toHaveProperty('scope')
    expect(accessTokenClaims({ ...facts, audience: ['a', 'b'] }).aud).toEqual(['a', 'b'])
  })
})

describe('issuedAtMs', () => {
  it('tells the millisecond of a UUIDv7, which iat cannot', () => {
    expect(issuedAtMs(facts.jti)).toBe(now.getTime())
    expect(issuedAtMs(uuidv7(new Date(0)))).toBe(0)
  })

  it.each(['', 'x', '0195f1a0-0000-4000-8000-000000000000', '0195F1A0-0000-7000-8000-000000000000'])(
    'says nothing of %j',
    (jti) => {
      expect(issuedAtMs(jti)).toBeUndefined()
    },
  )
})

describe('seconds', () => {
  it.each([
    [0, 0],
    [999, 0],
    [1000, 1],
    [-1, -1],
  ])('%i ms are %i s', (ms, s) => {
    expect(seconds(new Date(ms))).toBe(s)
  })
})
