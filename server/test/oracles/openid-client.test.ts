/**
 * openid-client as an oracle: an independent implementation runs every flow against the server and checks each answer as
 * the specifications want it (OpenID Connect Core, RFC 6749, 7009, 7636, 7662, 9207, RP-Initiated Logout). People go
 * through the real pages.
 */
import * as client from 'openid-client'
import { beforeAll, describe, expect, it } from 'vitest'
import { createClient } from '../../src/clients/manage.ts'
import type { Metadata } from '../../src/clients/registration.ts'
import { type App, finish, type House, openHouse, type Person } from '../support/flow.ts'
import type { HttpClient } from '../support/http.ts'
import { hashToken } from '../../src/protocol/opaque-token.ts'

let house: House
let ada: Person

beforeAll(async () => {
  house = await openHouse()
  ada = await house.person({ name: 'Ada Lovelace', roles: [] })
})

const afterwards = 'https://app.example/goodbye'

type Setup = { config: client.Configuration; app: App; browser: HttpClient }

// Deprecated only to stand out: the server of the tests speaks http on loopback.
// oxlint-disable-next-line typescript/no-deprecated
const { allowInsecureRequests } = client

/** An application as its developer writes it: discovery first; every ID token's signature is checked too, not only its claims. */
const configure = async (app: App, auth: client.ClientAuth, alg = 'RS256'): Promise<client.Configuration> =>
  await client.discovery(new URL(house.server.issuer), app.client_id, { id_token_signed_response_alg: alg }, auth, {
    execute: [allowInsecureRequests, client.enableNonRepudiationChecks],
  })

const setUp = async (
  metadata: Partial<Metadata> = {},
  auth: (secret: string) => client.ClientAuth = client.ClientSecretBasic,
): Promise<Setup> => {
  const app = await house.app({ post_logout_redirect_uris: [afterwards], ...metadata })
  const config = await configure(app, auth(app.client_secret ?? ''), metadata.signing_alg)
  return { config, app, browser: house.server.client() }
}

type SignedIn = client.TokenEndpointResponse & client.TokenEndpointResponseHelpers

/** The whole way: redirect, pages, callback, tokens; all checks on. */
const signIn = async ({ config, app, browser }: Setup, more: Record<string, string> = {}): Promise<SignedIn> => {
  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const expectedNonce = client.randomNonce()
  const expectedState = client.randomState()
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: app.redirect_uri,
    scope: 'openid profile email offline_access',
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
    nonce: expectedNonce,
    ...more,
  })
  const answer = await finish(browser, await browser.walk(browser.get(url)), ada)
  const callback = answer.location ?? url
  return await client.authorizationCodeGrant(config, callback, {
    pkceCodeVerifier,
    expectedNonce,
    expectedState,
    idTokenExpected: true,
    ...(more['max_age'] !== undefined && { maxAge: Number(more['max_age']) }),
  })
}

describe('openid-client', () => {
  it('discovers a server that says what it can', async () => {
    const { config } = await setUp()
    const server = config.serverMetadata()
    expect(server.issuer).toBe(house.server.issuer)
    expect(server.supportsPKCE()).toBe(true)
    expect(server.authorization_response_iss_parameter_supported).toBe(true)
  })

  it.each([
    ['client_secret_basic', { type: 'web' }],
    ['client_secret_post', { type: 'web', token_endpoint_auth_method: 'client_secret_post' }],
    ['none', { type: 'spa' }],
  ] as const)('signs in, refreshes, asks, revokes and signs out, as a client with %s', async (method, metadata) => {
    const proof = {
      client_secret_basic: client.ClientSecretBasic,
      client_secret_post: client.ClientSecretPost,
      none: () => client.None(),
    }
    const setup = await setUp(metadata, proof[method])
    const { config, browser } = setup
    const tokens = await signIn(setup)
    const claims = tokens.claims()
    expect(claims).toMatchObject({ iss: house.server.issuer, sub: ada.user_id, aud: setup.app.client_id })
    const person = await client.fetchUserInfo(config, tokens.access_token, claims?.sub ?? '')
    expect(person).toMatchObject({ sub: ada.user_id, email: ada.email, email_verified: true, name: 'Ada Lovelace' })

    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token ?? '')
    expect(refreshed.claims()).toMatchObject({ sub: ada.user_id, auth_time: claims?.auth_time })
    expect(refreshed.refresh_token).not.toBe(tokens.refresh_token)

    // A public client may not introspect: anybody could say that they are it (RFC 7662 §2.1).
    const asked = client.tokenIntrospection(config, refreshed.access_token)
    const seen = await asked.catch((error: unknown) => error)
    expect(seen).toMatchObject(
      method === 'none' ? { error: 'invalid_client', status: 401 } : { active: true, sub: ada.user_id },
    )
    await client.tokenRevocation(config, refreshed.refresh_token ?? '', { token_type_hint: 'refresh_token' })
    await expect(client.refreshTokenGrant(config, refreshed.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
      status: 400,
    })
    await expect(client.fetchUserInfo(config, refreshed.access_token, ada.user_id)).rejects.toMatchObject({
      status: 401,
    })

    const url = client.buildEndSessionUrl(config, {
      post_logout_redirect_uri: afterwards,
      id_token_hint: tokens.id_token ?? '',
      state: 'state of the end',
    })
    const goodbye = await browser.get(url)
    expect(goodbye.location?.href).toBe(`${afterwards}?state=state+of+the+end`)
    const again = await browser.walk(browser.get('/account'))
    expect(again.url.pathname).toBe('/login')
  })

  it.each(['RS256', 'ES256', 'PS256', 'EdDSA'])('accepts ID tokens that are signed with %s', async (signing_alg) => {
    const setup = await setUp({ signing_alg })
    const tokens = await signIn(setup)
    expect(tokens.claims()?.sub).toBe(ada.user_id)
    expect(JSON.parse(Buffer.from(tokens.id_token?.split('.')[0] ?? '', 'base64url').toString())).toMatchObject({
      alg: signing_alg,
    })
  })

  it('max_age and prompt=login give a fresh auth_time, which it checks', async () => {
    const setup = await setUp()
    const first = await signIn(setup)
    const again = await signIn(setup, { max_age: '1', prompt: 'login' })
    expect(again.claims()?.auth_time).toBeGreaterThanOrEqual(first.claims()?.auth_time ?? Number.POSITIVE_INFINITY)
  })

  it('a machine gets a token for itself', async () => {
    const machine = await house.app({ type: 'machine', scope: 'read write' })
    const config = await configure(machine, client.ClientSecretBasic(machine.client_secret ?? ''))
    const tokens = await client.clientCredentialsGrant(config, { scope: 'read' })
    expect(tokens).toMatchObject({ token_type: 'bearer', scope: 'read' })
    expect(tokens.refresh_token).toBeUndefined()
    expect(await client.tokenIntrospection(config, tokens.access_token)).toMatchObject({ active: true, scope: 'read' })
  })

  it('a refusal arrives as the error that it is, with the issuer checked (RFC 9207 §2.4)', async () => {
    const { config, app, browser } = await setUp()
    const url = client.buildAuthorizationUrl(config, {
      redirect_uri: app.redirect_uri,
      scope: 'openid',
      prompt: 'none',
      state: 'a',
      code_challenge: await client.calculatePKCECodeChallenge(client.randomPKCECodeVerifier()),
      code_challenge_method: 'S256',
    })
    const answer = await browser.get(url)
    const callback = answer.location ?? url
    await expect(client.authorizationCodeGrant(config, callback, { expectedState: 'a' })).rejects.toMatchObject({
      error: 'login_required',
    })
    // The same answer from another server would have been refused before it was even read.
    const forged = new URL(callback)
    forged.searchParams.set('iss', 'https://another.example')
    await expect(client.authorizationCodeGrant(config, forged, { expectedState: 'a' })).rejects.toMatchObject({
      code: 'OAUTH_INVALID_RESPONSE',
    })
  })

  it('client_secret_basic with odd characters in both halves (RFC 6749 §2.3.1, appendix B)', async () => {
    const secret = 'p:ä% +/&=~!*()\'"\\;,?#[]{}|^`<>€ 𝄞'
    const client_id = 'https://odd.example:444/client%20a?b=c+d&e=:f'
    const redirect_uri = 'https://odd.example/callback'
    await createClient(house.ctx, { client_name: 'Odd', type: 'web', redirect_uris: [redirect_uri] }, client_id)
    await house.sql`
      insert into client_secrets (client_id, secret_hash, hint, created_at)
      values (${client_id}, ${hashToken(secret)}, 'odd!', now())`
    const app: App = { client_id, client_secret: secret, redirect_uri, client_name: 'Odd' }
    const config = await configure(app, client.ClientSecretBasic(secret))
    const tokens = await signIn({ config, app, browser: house.server.client() })
    expect(tokens.claims()).toMatchObject({ sub: ada.user_id, aud: client_id })
    const wrong = await configure(app, client.ClientSecretBasic(`${secret} `))
    await expect(client.refreshTokenGrant(wrong, tokens.refresh_token ?? '')).rejects.toMatchObject({
      // RFC 6749 §5.2: who came with Basic is challenged for Basic.
      cause: [{ scheme: 'basic' }],
      status: 401,
    })
  })
})
