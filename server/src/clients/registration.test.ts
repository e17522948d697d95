/** What makes a client: defaults by type, and the checks that create and update share (security rules RG-1, RG-2, AZ-4). */
import { describe, expect, it } from 'vitest'
import { isDenial } from '../protocol/errors.ts'
import { decideClient, type ClientType, type Facts, type Metadata } from './registration.ts'

const facts: Facts = {
  client_id: 'app_1',
  grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
  signing_algs: ['RS256', 'ES256'],
}
const https = 'https://app.example/callback'
const script = ['javascript', ''].join(':')
const decide = (metadata: Partial<Metadata>) =>
  decideClient({ client_name: 'App', type: 'web', redirect_uris: [https], ...metadata }, facts)
const errorOf = (metadata: Partial<Metadata>): string | undefined => {
  const decided = decide(metadata)
  return isDenial(decided) ? decided.error : undefined
}

describe('RG-2: a redirect URI', () => {
  const everybody: ClientType[] = ['web', 'spa', 'native', 'machine', 'device']
  const accepted: [string, ClientType[]][] = [
    [https, everybody],
    ['HTTPS://app.example/callback', everybody],
    ['https://app.example:8443/cb?tenant=1', everybody],
    ['https://[2001:db8::1]/cb', everybody],
    ['http://127.0.0.1/cb', everybody],
    ['http://127.0.0.1:3000/cb', everybody],
    ['http://[::1]:3000/cb', everybody],
    ['http://localhost:3000/cb', everybody],
    ['com.example.app:/callback', ['native']],
    ['com.example.app://callback', ['native']],
    ['COM.example.app:/callback', ['native']],
  ]
  it.each(accepted.flatMap(([uri, types]) => types.map((type) => [uri, type] as const)))(
    '%s is accepted for %s',
    (uri, type) => {
      const grant_types = ['machine', 'device'].includes(type) ? ['authorization_code'] : undefined
      expect(errorOf({ type, redirect_uris: [uri], grant_types })).toBeUndefined()
    },
  )

  const refused: string[] = [
    'http://app.example/callback',
    'http://127.0.0.1.evil.example/',
    'http://localhost.evil.example/',
    'http://127.0.0.1@evil.example/',
    'http://0.0.0.0/cb',
    'https://user@app.example/',
    'https://user:pass@app.example/',
    'https://@app.example/',
    'https://app.example/#fragment',
    'https://app.example/#',
    'https://*.example/',
    'https://app.example/*',
    'https://app.example\\@evil.example/',
    'https://app.example/cb\u0000',
    'https://app.example/c b',
    'https://app.example/\tcb',
    'https://app.example/a/../cb',
    'https://app.example/a/%2e%2e/cb',
    'https://app.example/a/%2E./cb',
    'https://app.example/./cb',
    'https://app.example/..',
    'https://ａpp.example/cb',
    'https://app。example/cb',
    'hTTp://app.example/cb',
    'DATA:text/html,x',
    'FILE:///etc/passwd',
    'Blob:https://app.example/x',
    '\u0001https://app.example/',
    ' https://app.example/',
    'https://äpp.example/',
    `${script}alert(1)`,
    `${script.replace('j', 'J')}alert(1)`,
    'java\nscript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    'blob:https://app.example/x',
    'vbscript:x',
    'about:blank',
    'ftp://app.example/',
    'ws://app.example/',
    'app.example/callback',
    '/callback',
    '//app.example/callback',
    'https:',
    'https://',
    'urn:ietf:wg:oauth:2.0:oob',
    '',
    `https://app.example/${'a'.repeat(2000)}`,
  ]
  it.each(refused)('%j is refused for everybody', (uri) => {
    for (const type of ['web', 'spa', 'native'] as const)
      expect([type, errorOf({ type, redirect_uris: [uri] })]).toEqual([type, 'invalid_redirect_uri'])
    expect(errorOf({ post_logout_redirect_uris: [uri] })).toBe('invalid_redirect_uri')
  })

  it.each(['com.example.app:/callback', 'myapp:/callback', 'my-app://cb'])(
    '%s is refused for what is no native application',
    (uri) => {
      for (const type of ['web', 'spa'] as const)
        expect(errorOf({ type, redirect_uris: [uri] })).toBe('invalid_redirect_uri')
    },
  )

  it.each(['myapp:/callback', 'app://x', 'x-y:/z'])(
    '%s is refused for native ones too: no reverse domain name (RFC 8252 §7.1)',
    (uri) => {
      expect(errorOf({ type: 'native', redirect_uris: [uri] })).toBe('invalid_redirect_uri')
    },
  )

  it('one bad one among good ones is enough, and 201 are too many', () => {
    expect(errorOf({ redirect_uris: [https, 'http://app.example/'] })).toBe('invalid_redirect_uri')
    const many = Array.from({ length: 201 }, (_, index) => `https://app.example/${index}`)
    expect(errorOf({ redirect_uris: many.slice(1) })).toBeUndefined()
    expect(errorOf({ redirect_uris: many })).toBe('invalid_client_metadata')
  })
})

describe('defaults', () => {
  it.each<[ClientType, object]>([
    [
      'web',
      {
        token_endpoint_auth_method: 'client_secret_basic',
        grant_types: ['authorization_code', 'refresh_token'],
        allowed_origins: [],
      },
    ],
    ['spa', { token_endpoint_auth_method: 'none', require_pkce: true, allowed_origins: ['https://app.example'] }],
    ['native', { token_endpoint_auth_method: 'none', require_pkce: true, allowed_origins: [] }],
    ['machine', { token_endpoint_auth_method: 'client_secret_basic', grant_types: ['client_credentials'], scope: '' }],
  ])('%s', (type, values) => {
    expect(decide({ type })).toMatchObject({
      ...values,
      status: 'enabled',
      response_types: ['code'],
      first_party: false,
      id_token_signed_response_alg: 'RS256',
    })
  })

  it('a public client cannot go without PKCE (RFC 9700 §2.1.1)', () => {
    expect(decide({ type: 'spa', require_pkce: false })).toMatchObject({ require_pkce: true })
    expect(decide({ type: 'web', require_pkce: false })).toMatchObject({ require_pkce: false })
    expect(decide({ type: 'web', token_endpoint_auth_method: 'none', require_pkce: false })).toMatchObject({
      require_pkce: true,
    })
  })
})

describe('RG-1: metadata', () => {
  it.each<[string, Partial<Metadata>]>([
    ['no name', { client_name: '  ' }],
    ['a name with control characters', { client_name: 'App\u0000' }],
    ['a name that turns text around', { client_name: 'App\u202egpj.exe' }],
    ['a name that is too long', { client_name: 'x'.repeat(101) }],
    ['a grant nobody has', { grant_types: ['implicit'] }],
    ['the password grant', { grant_types: ['password'] }],
    ['the code flow without a redirect URI', { redirect_uris: [] }],
    [
      'client credentials without a secret',
      { grant_types: ['client_credentials'], token_endpoint_auth_method: 'none' },
    ],
    ['an auth method nobody has', { token_endpoint_auth_method: 'private_key_jwt' }],
    ['an algorithm that is off', { signing_alg: 'EdDSA' }],
    ['alg none', { signing_alg: 'none' }],
    ['a token format nobody has', { access_token_format: 'saml' }],
    ['a scope with a quote', { scope: 'openid a"b' }],
    ['a resource that is relative', { resources: ['/api'] }],
    ['a resource with a fragment', { resources: ['https://api.example/#x'] }],
    ['an audience that is no URI', { audiences: ['api'] }],
    ['a link that runs code', { client_uri: `${script}alert(1)` }],
    ['a link to a file', { policy_uri: 'file:///etc/passwd' }],
    ['a link with somebody’s name in it', { tos_uri: 'https://user@app.example/' }],
    ['a picture in the link itself', { logo_uri: 'data:image/svg+xml,x' }],
    ['a picture over http', { logo_uri: 'http://app.example/logo.png' }],
    ['a link with a backslash', { client_uri: 'https://app.example\\@evil.example/' }],
    ['too many contacts', { contacts: Array.from({ length: 21 }, (_, index) => `c${index}@example.com`) }],
    ['a contact of several lines', { contacts: ['a\nb'] }],
    ['consent that nobody knows', { consent: 'never' }],
    ['a level of assurance that nobody knows', { default_acr_values: ['gold'] }],
    ['an algorithm of one token that is off', { access_token_signed_response_alg: 'EdDSA' }],
    ['a service account without client_credentials', { service_account_id: 'u1' }],
    ['custom claims of an access token', { claim_mapping: [{ from: 'user.email', to: 'mail', into: 'access_token' }] }],
    ['a custom claim that the server speaks for', { claim_mapping: [{ constant: 'x', to: 'sub', into: 'id_token' }] }],
    ['201 scopes', { scope: Array.from({ length: 201 }, (_, index) => `s${index}`).join(' ') }],
    ['an origin with a path', { allowed_origins: ['https://app.example/'] }],
    ['an origin of everybody', { allowed_origins: ['*'] }],
    ['the origin null', { allowed_origins: ['null'] }],
  ])('%s is refused', (_name, metadata) => {
    expect(errorOf(metadata)).toBe('invalid_client_metadata')
  })

  it('doubles are dropped, scopes keep their order', () => {
    expect(
      decide({
        redirect_uris: [https, https],
        scope: 'b a  b',
        grant_types: ['authorization_code', 'authorization_code'],
      }),
    ).toMatchObject({
      redirect_uris: [https],
      scope: 'b a',
      grant_types: ['authorization_code'],
    })
  })
})

describe('1.9: lifetimes stay within their bounds, whoever asks', () => {
  const bounds: [
    keyof Metadata &
      (
        | 'access_token_ttl_seconds'
        | 'id_token_ttl_seconds'
        | 'refresh_idle_seconds'
        | 'refresh_ttl_seconds'
        | 'refresh_grace_seconds'
        | 'default_max_age'
      ),
    number,
    number,
  ][] = [
    ['access_token_ttl_seconds', 30, 3600],
    ['id_token_ttl_seconds', 30, 3600],
    ['refresh_idle_seconds', 60, 31_536_000],
    ['refresh_ttl_seconds', 60, 63_072_000],
    ['refresh_grace_seconds', 0, 60],
    ['default_max_age', 0, 2_147_483_647],
  ]
  it.each(bounds)('%s: both bounds are kept as they are', (name, least, most) => {
    for (const seconds of [least, most]) expect(decide({ [name]: seconds })).toMatchObject({ [name]: seconds })
    expect(decide({})).toMatchObject({ [name]: null })
  })

  it.each(
    bounds.flatMap(([name, least, most]) =>
      [least - 1, most + 1, least + 0.5, Number.NaN, Number.POSITIVE_INFINITY].map(
        (seconds) => [name, seconds] as const,
      ),
    ),
  )('%s of %d is refused, and the sentence names it', (name, seconds) => {
    const decided = decide({ [name]: seconds })
    expect(isDenial(decided) && [decided.error, decided.error_description.includes(name)]).toEqual([
      'invalid_client_metadata',
      true,
    ])
  })
})
