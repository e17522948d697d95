/** Which claims a scope opens (OpenID Connect Core §5.1, §5.4), and that a stored claim never speaks for the server. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { claimsFor, type Subject } from './claims.ts'

const bare: Subject = {
  id: 'u1',
  status: 'active',
  username: null,
  email: null,
  email_verified: false,
  name: null,
  given_name: null,
  family_name: null,
  picture: null,
  locale: null,
  zoneinfo: null,
  phone_number: null,
  phone_number_verified: false,
  claims: {},
  roles: [],
  permissions: [],
  role_acr: null,
  updated_at: new Date('2026-01-02T03:04:05.999Z'),
}
const full: Subject = {
  ...bare,
  username: 'ada',
  email: 'ada@example.com',
  email_verified: true,
  name: 'Ada',
  picture: 'https://example.com/a.png',
  phone_number: '+44',
  claims: { nickname: 'A', website: 7, address: { country: 'GB' }, team: 'engines' },
  roles: ['admin'],
  permissions: ['users:read'],
}
const everything = ['openid', 'profile', 'email', 'phone', 'address', 'roles', 'offline_access', 'read']

describe('claimsFor', () => {
  it.each<[string, Record<string, unknown>]>([
    ['openid', {}],
    ['offline_access', {}],
    ['email', { email: 'ada@example.com', email_verified: true }],
    ['phone', { phone_number: '+44', phone_number_verified: false }],
    ['address', { address: { country: 'GB' } }],
    ['roles', { roles: ['admin'], permissions: ['users:read'] }],
    [
      'profile',
      {
        name: 'Ada',
        picture: 'https://example.com/a.png',
        preferred_username: 'ada',
        nickname: 'A',
        website: 7,
        team: 'engines',
        updated_at: 1_767_323_045,
      },
    ],
  ])('%s', (scope, claims) => {
    expect(claimsFor(full, [scope])).toEqual(claims)
  })

  it('leaves out what has no value, never null (§5.3.2)', () => {
    expect(claimsFor(bare, everything)).toEqual({ updated_at: 1_767_323_045, roles: [], permissions: [] })
    expect(claimsFor({ ...bare, claims: { nickname: null, team: null } }, ['profile'])).toEqual({
      updated_at: 1_767_323_045,
    })
  })

  it('gives email_verified only beside an email', () => {
    expect(claimsFor({ ...bare, email_verified: true }, ['email'])).toEqual({})
  })

  it('an address is an object (§5.1.1), anything else is left out', () => {
    for (const address of ['10 Downing Street', 7, null, ['10 Downing Street']])
      expect(claimsFor({ ...bare, claims: { address } }, ['address'])).toEqual({})
  })

  it('a stored claim never stands for one of the protocol, or for one that was proved', () => {
    const own =
      'iss sub aud exp iat nbf jti client_id scope sid grant_id auth_time acr amr azp nonce at_hash c_hash cnf act may_act roles permissions preferred_username email email_verified phone_number phone_number_verified updated_at events token_type active'
    const claims = Object.fromEntries(own.split(' ').map((name) => [name, 'forged']))
    expect(JSON.stringify(claimsFor({ ...bare, claims }, everything))).not.toContain('forged')
    expect(claimsFor({ ...full, claims: { name: 'Eve', preferred_username: 'root' } }, ['profile'])).toMatchObject({
      name: 'Ada',
      preferred_username: 'ada',
    })
  })

  it('whatever is stored, the result is JSON without surprises', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (claims) => {
        const said = claimsFor({ ...full, claims }, everything)
        expect(said).toMatchObject({
          email: 'ada@example.com',
          email_verified: true,
          roles: ['admin'],
          updated_at: 1_767_323_045,
        })
        expect(said).not.toHaveProperty('sub')
        expect(Object.getPrototypeOf(said)).toBe(Object.prototype)
      }),
    )
  })
})
