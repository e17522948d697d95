/** `keywright client create` beside a running server: what it gives works, and what may not be is refused. */
import { beforeAll, describe, expect, it } from 'vitest'
import { clientCommands, type Credentials, refused } from '../support/cli.ts'
import { type Oauth, openOauth } from '../support/oauth.ts'

let oauth: Oauth

beforeAll(async () => {
  oauth = await openOauth()
})

const { run, create, machine, show } = clientCommands(() => oauth.server.env)
/** The status of a client_credentials request with these credentials. */
const useSecret = async ({ client_id, client_secret }: Credentials): Promise<number> => {
  const client = { client_id, client_secret, redirect_uri: '' }
  return (await oauth.token(client, { grant_type: 'client_credentials', scope: 'read' })).status
}

describe('client create', () => {
  it('gives a machine credentials that work', async () => {
    const created = await machine()
    expect(created).toEqual({
      client_id: expect.stringMatching(/^app_[0-9A-Za-z]+$/) as string,
      client_secret: expect.stringMatching(/^kw_cs_[0-9A-Za-z]+$/) as string,
    })
    expect(await useSecret(created)).toBe(200)
    expect(await useSecret({ ...created, client_secret: 'another' })).toBe(401)
  })

  it('gives a public client no secret, and takes every option', async () => {
    const created = await create(
      '--type',
      'spa',
      '--redirect-uri',
      'https://spa.example/a',
      '--redirect-uri',
      'https://spa.example/b',
      '--post-logout-redirect-uri',
      'https://spa.example/',
      '--grant',
      'authorization_code',
      '--scope',
      'openid  email',
      '--resource',
      'https://api.example',
      '--audience',
      'https://spa.example/api',
      '--origin',
      'https://spa.example',
      '--signing-alg',
      'ES256',
      '--token-format',
      'opaque',
      '--access-token-ttl',
      '60',
      '--refresh-grace',
      '0',
      '--first-party',
      '--description',
      'for tests',
      '--id-token-ttl',
      '90',
      '--refresh-idle',
      '2h',
      '--refresh-ttl',
      '1d',
      '--access-token-alg',
      'RS256',
      '--consent',
      'always',
      '--contact',
      'ops@spa.example',
      '--client-uri',
      'https://spa.example/',
      '--logo-uri',
      'https://spa.example/logo.png',
      '--policy-uri',
      'https://spa.example/policy',
      '--tos-uri',
      'https://spa.example/terms',
    )
    expect(created).toEqual({ client_id: created.client_id })
    expect(await show(created.client_id)).toMatchObject({
      type: 'spa',
      token_endpoint_auth_method: 'none',
      redirect_uris: ['https://spa.example/a', 'https://spa.example/b'],
      post_logout_redirect_uris: ['https://spa.example/'],
      grant_types: ['authorization_code'],
      scope: 'openid email',
      resources: ['https://api.example'],
      audiences: ['https://spa.example/api'],
      allowed_origins: ['https://spa.example'],
      id_token_signed_response_alg: 'ES256',
      access_token_format: 'opaque',
      access_token_ttl_seconds: 60,
      refresh_grace_seconds: 0,
      first_party: true,
      require_pkce: true,
      description: 'for tests',
      id_token_ttl_seconds: 90,
      refresh_idle_seconds: 7200,
      refresh_ttl_seconds: 86_400,
      consent: 'always',
      contacts: ['ops@spa.example'],
      client_uri: 'https://spa.example/',
      logo_uri: 'https://spa.example/logo.png',
      policy_uri: 'https://spa.example/policy',
      tos_uri: 'https://spa.example/terms',
      secrets: [],
    })
  })

  it('can do without PKCE only with a secret', async () => {
    const web = ['--type', 'web', '--redirect-uri', 'https://web.example/cb', '--no-require-pkce']
    expect(await show((await create(...web)).client_id)).toMatchObject({ require_pkce: false })
    expect(await show((await create(...web, '--auth-method', 'none')).client_id)).toMatchObject({ require_pkce: true })
  })

  it.each([
    [
      ['--type', 'machine', '--owner', 'nobody'],
      'The client cannot be registered so: expected an owner that is a person; got nobody.',
    ],
    [
      ['--type', 'machine', '--service-account', 'nobody'],
      'The client cannot be registered so: expected the id of a service account; got nobody.',
    ],
    [
      ['--type', 'web'],
      'The client cannot be registered so: expected a redirect URI for the authorization code flow; got none.',
    ],
    [
      ['--type', 'web', '--redirect-uri', 'http://web.example/cb'],
      'A redirect URI is not acceptable: https, or http on a loopback address; got http://web.example/cb.',
    ],
    [
      ['--type', 'machine', '--auth-method', 'none'],
      'The client cannot be registered so: expected a client secret for client_credentials; got auth method none.',
    ],
    [
      ['--type', 'machine', '--grant', 'password'],
      'The client cannot be registered so: expected a grant out of: authorization_code refresh_token client_credentials; got password.',
    ],
    [
      ['--type', 'machine', '--signing-alg', 'HS256'],
      'The client cannot be registered so: expected a signing algorithm out of: RS256 ES256 PS256 EdDSA (of RS256 ES256 PS256 EdDSA); got HS256.',
    ],
  ])('refuses %j in one sentence', async (args, sentence) => {
    expect(await run('client', 'create', '--name', 'x', ...args)).toMatchObject(refused(sentence))
  })

  it.each([
    [['--type', 'web'], "keywright: required option '--name <name>' not specified\n"],
    [['--name', 'x'], "keywright: required option '--type <type>' not specified\n"],
    [
      ['--name', 'x', '--type', 'app'],
      "keywright: option '--type <type>' argument 'app' is invalid. Allowed choices are web, spa, native, machine, device.\n",
    ],
    [
      ['--name', 'x', '--type', 'web', '--access-token-ttl', '7200'],
      "keywright: option '--access-token-ttl <seconds>' argument '7200' is invalid. It must be from 30 to 3600.\n",
    ],
    [
      ['--name', 'x', '--type', 'web', '--refresh-grace', 'ten'],
      "keywright: option '--refresh-grace <seconds>' argument 'ten' is invalid. It must be a whole number.\n",
    ],
  ])('tells wrong usage from a refusal: %j', async (args, stderr) => {
    expect(await run('client', 'create', ...args)).toMatchObject({ code: 2, stdout: '', stderr })
  })
})
