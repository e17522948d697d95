/** Custom claims by rules: what they may read and name, and that nothing gets around that. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findMappingFault, mapClaims, type MappingFacts, type MappingRule, readsOf } from './claim-mapping.ts'
import { reservedClaims } from './claims.ts'

const facts: MappingFacts = {
  user: {
    id: 'u1',
    status: 'active',
    username: 'ada',
    email: 'ada@example.com',
    email_verified: true,
    name: 'Ada',
    given_name: null,
    family_name: null,
    picture: null,
    locale: 'en',
    zoneinfo: null,
    phone_number: null,
    phone_number_verified: false,
    claims: { department: 'R&D', address: { country: 'DE', geo: { lat: 1 } }, teams: ['a', 'b'], nothing: null },
    roles: [],
    permissions: [],
    role_acr: null,
    updated_at: new Date(0),
  },
  client: { client_id: 'app_1', client_name: 'App', type: 'web' },
  groups: ['Engineering', 'Staff'],
}
const at = (rule: Omit<MappingRule, 'into'>): MappingRule => ({ ...rule, into: 'access_token' })
const map = (...rules: Omit<MappingRule, 'into'>[]) => mapClaims(rules.map(at), 'access_token', facts)

describe('values', () => {
  it.each<[string, Omit<MappingRule, 'into'>, object]>([
    ['a value of the account', { from: 'user.email', to: 'email' }, { email: 'ada@example.com' }],
    ['a custom claim', { from: 'claims.department', to: 'dept' }, { dept: 'R&D' }],
    ['one within another', { from: 'claims.address.geo.lat', to: 'lat' }, { lat: 1 }],
    ['a whole object', { from: 'claims.address', to: 'where' }, { where: { country: 'DE', geo: { lat: 1 } } }],
    ['the application', { from: 'client.client_name', to: 'app_name' }, { app_name: 'App' }],
    ['groups', { from: 'groups', to: 'groups' }, { groups: ['Engineering', 'Staff'] }],
    ['a constant', { constant: 'eu-1', to: 'https://example.com/region' }, { 'https://example.com/region': 'eu-1' }],
    ['false, which is a value', { constant: false, to: 'beta' }, { beta: false }],
    ['flat: an object', { from: 'claims.address', to: 'addr', flatten: true }, { addr_country: 'DE', addr_geo_lat: 1 }],
    ['flat: a list', { from: 'claims.teams', to: 'teams', flatten: true }, { teams: 'a b' }],
    ['nothing where there is null', { from: 'claims.nothing', to: 'x' }, {}],
    ['nothing where there is no such member', { from: 'claims.department.x.y', to: 'x' }, {}],
    ['nothing of what every object inherits', { from: 'claims.toString', to: 'x' }, {}],
    ['nothing of a person who has none', { from: 'user.phone_number', to: 'phone_number' }, {}],
  ])('%s', (_what, rule, claims) => {
    expect(findMappingFault([at(rule)])).toBeUndefined()
    expect(map(rule)).toEqual(claims)
  })

  it('the later rule wins, other tokens are not concerned, and without a person only constants and the application speak', () => {
    expect(map({ constant: 1, to: 'a' }, { constant: 2, to: 'a' })).toEqual({ a: 2 })
    expect(mapClaims([at({ constant: 1, to: 'a' })], 'id_token', facts)).toEqual({})
    const rules = [
      at({ from: 'user.id', to: 'u' }),
      at({ from: 'groups', to: 'g' }),
      at({ from: 'client.type', to: 't' }),
    ]
    expect(mapClaims(rules, 'access_token', { ...facts, user: undefined, groups: [] })).toEqual({ t: 'web' })
  })

  it('what is too large is left out', () => {
    const user = facts.user && { ...facts.user, claims: { long: 'x'.repeat(5000) } }
    expect(mapClaims([at({ from: 'claims.long', to: 'long' })], 'access_token', { ...facts, user })).toEqual({})
  })

  it('says what has to be read', () => {
    expect(readsOf([at({ constant: 1, to: 'a' })], 'access_token')).toEqual({ user: false, groups: false })
    expect(readsOf([at({ from: 'claims.x', to: 'a' })], 'access_token')).toEqual({ user: true, groups: false })
    expect(readsOf([at({ from: 'groups', to: 'a' })], 'access_token')).toEqual({ user: false, groups: true })
    expect(readsOf([at({ from: 'groups', to: 'a' })], 'userinfo')).toEqual({ user: false, groups: false })
  })
})

describe('rules that are refused', () => {
  it.each<[string, Omit<MappingRule, 'into'>]>([
    ['neither path nor constant', { to: 'a' }],
    ['both', { from: 'user.id', constant: 1, to: 'a' }],
    ['a path that is none', { from: 'user', to: 'a' }],
    ['a member that nobody may read', { from: 'user.password', to: 'a' }],
    ['the status of an account', { from: 'user.status', to: 'a' }],
    ['a path through the prototype', { from: 'claims.__proto__.x', to: 'a' }],
    ['a path to a constructor', { from: 'claims.constructor.name', to: 'a' }],
    ['a path that is too deep', { from: 'claims.a.b.c.d.e.f', to: 'a' }],
    ['an expression', { from: 'claims["a"]', to: 'a' }],
    ['a secret of the application', { from: 'client.secrets', to: 'a' }],
    ['a part of groups', { from: 'groups.0', to: 'a' }],
    ['an empty name', { constant: 1, to: '' }],
    ['the name __proto__', { constant: 1, to: '__proto__' }],
    ['the name constructor', { constant: 1, to: 'constructor' }],
    ['a name with a quote', { constant: 1, to: 'a"b' }],
    ['an address from where people write it themselves', { from: 'claims.website', to: 'email' }],
    ['a proved address out of nothing', { constant: true, to: 'email_verified' }],
    ['a constant that is too large', { constant: 'x'.repeat(2000), to: 'a' }],
  ])('%s', (_what, rule) => {
    expect(findMappingFault([at(rule)])).toEqual(expect.any(String))
  })

  it.each([...reservedClaims].filter((name) => !/^(email|phone_number|preferred_username)/.test(name)))(
    'the claim %s, wherever from',
    (to) => {
      expect(findMappingFault([at({ constant: 'x', to })])).toEqual(expect.any(String))
      expect(findMappingFault([at({ from: 'user.id', to })])).toEqual(expect.any(String))
    },
  )

  it('more than 50', () => {
    expect(findMappingFault(Array.from({ length: 51 }, () => at({ constant: 1, to: 'a' })))).toEqual(expect.any(String))
  })
})

it('property: whatever claims a person has and whatever accepted rules there are, no reserved claim appears and nothing is polluted', () => {
  const value = fc.jsonValue({ maxDepth: 4 })
  const paths = fc.constantFrom('claims.a', 'claims.a.b', 'claims.address', 'groups', 'user.name', 'client.type')
  const names = fc.oneof(fc.constantFrom('a', 'addr', 'sub', 'iss', 'roles', '__proto__', 'email', 'x.y'), fc.string())
  const rules = fc.array(fc.record({ from: paths, to: names, flatten: fc.boolean() }), { maxLength: 10 })
  fc.assert(
    fc.property(
      rules,
      fc.dictionary(fc.oneof(fc.constantFrom('a', 'address', '__proto__'), fc.string()), value),
      (some, claims) => {
        const user = facts.user && { ...facts.user, claims }
        const accepted = some.map((rule) => at(rule)).filter((rule) => findMappingFault([rule]) === undefined)
        const made = mapClaims(accepted, 'access_token', { ...facts, user })
        expect(Object.getPrototypeOf(made)).toBe(Object.prototype)
        return Object.keys(made).every((name) => !reservedClaims.has(name) && name !== '__proto__')
      },
    ),
    { numRuns: 500 },
  )
})
