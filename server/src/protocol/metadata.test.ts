/** The discovery document promises what is there, and nothing else (OpenID Connect Discovery §3, RFC 8414 §2). */
import { describe, expect, it } from 'vitest'
import { grants, routesFor } from '../app.ts'
import { authMethods } from '../clients/registration-checks.ts'
import { metadata } from './metadata.ts'

const issuer = 'https://issuer.example/path'
const facts = {
  issuer,
  grant_types: ['authorization_code', 'refresh_token'],
  signing_algs: ['RS256', 'ES256'],
  ui_locales: ['en', 'de'],
}
const document = metadata(facts)
const strings = (name: string): string[] => document[name] as string[]

describe('metadata', () => {
  it('has the issuer byte for byte', () => {
    expect(document['issuer']).toBe(issuer)
  })

  it('has what Discovery §3 requires, and what RFC 8414 §2 would otherwise assume wrongly', () => {
    for (const name of [
      'authorization_endpoint',
      'token_endpoint',
      'jwks_uri',
      'response_types_supported',
      'subject_types_supported',
      'id_token_signing_alg_values_supported',
      'grant_types_supported',
      'response_modes_supported',
      'token_endpoint_auth_methods_supported',
      'code_challenge_methods_supported',
      'scopes_supported',
      'claims_supported',
    ])
      expect(document).toHaveProperty(name)
    expect(document['request_uri_parameter_supported']).toBe(false)
    expect(document['authorization_response_iss_parameter_supported']).toBe(true)
  })

  it('names only addresses that exist', () => {
    const paths = routesFor({ compat_paths: false }).map((route) => `${issuer}${route.path}`)
    const addresses = Object.entries(document).filter(([name]) => /_endpoint$|^jwks_uri$/.test(name))
    expect(addresses.length).toBeGreaterThan(6)
    for (const [, address] of addresses) expect(paths).toContain(address)
  })

  it('lists what is switched on', () => {
    expect(strings('grant_types_supported')).toEqual(facts.grant_types)
    expect(strings('id_token_signing_alg_values_supported')).toEqual(facts.signing_algs)
    expect(grants.map((grant) => grant.grant_type)).toContain('client_credentials')
  })

  it('promises no weakness: no plain, no implicit, no alg none', () => {
    expect(strings('code_challenge_methods_supported')).toEqual(['S256'])
    expect(strings('response_types_supported')).toEqual(['code'])
    const algs = Object.entries(document).filter(([name]) => name.includes('signing_alg_values'))
    expect(algs).not.toHaveLength(0)
    for (const [, values] of algs) expect(values).not.toContain('none')
  })

  it('offers the auth methods that clients can have; introspection needs a secret', () => {
    expect(strings('token_endpoint_auth_methods_supported')).toEqual([...authMethods])
    expect(strings('introspection_endpoint_auth_methods_supported')).not.toContain('none')
  })
})
