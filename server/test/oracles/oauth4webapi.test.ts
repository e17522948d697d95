/**
 * oauth4webapi as an oracle: the strictest reader of answers there is, one pair of request and check for each step. It
 * runs the whole flow and is the API that verifies the access token (RFC 9068, RFC 9207, OpenID Connect Core).
 */
import * as oauth from 'oauth4webapi'
import { beforeAll, describe, expect, it } from 'vitest'
import { type App, finish, type House, openHouse, type Person } from '../support/flow.ts'
import type { HttpClient } from '../support/http.ts'

// Deprecated only to stand out: the server of the tests speaks http on loopback.
// oxlint-disable-next-line typescript/no-deprecated
const insecure = { [oauth.allowInsecureRequests]: true }

let house: House
let ada: Person
let server: oauth.AuthorizationServer

beforeAll(async () => {
  house = await openHouse()
  ada = await house.person({ name: 'Ada Lovelace' })
  const issuer = new URL(house.server.issuer)
  server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
})

type Flow = { app: App; client: oauth.Client; auth: oauth.ClientAuth; browser: HttpClient }

const begin = async (alg: string, metadata: Parameters<House['app']>[0] = {}): Promise<Flow> => {
  const app = await house.app({ signing_alg: alg, ...metadata })
  const client: oauth.Client = { client_id: app.client_id, id_token_signed_response_alg: alg }
  const auth = app.client_secret === undefined ? oauth.None() : oauth.ClientSecretBasic(app.client_secret)
  return { app, client, auth, browser: house.server.client() }
}

/** Redirect, pages, and the parameters of the callback, with `state` and `iss` checked (RFC 9207 §2.4). */
const authorize = async (
  { app, client, browser }: Flow,
  params: Record<string, string>,
): Promise<{ callback: URLSearchParams; verifier: string }> => {
  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const url = new URL(server.authorization_endpoint ?? '')
  url.search = new URLSearchParams({
    client_id: app.client_id,
    redirect_uri: app.redirect_uri,
    response_type: 'code',
    scope: 'openid email roles offline_access',
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    ...params,
  }).toString()
  const answer = await finish(browser, await browser.walk(browser.get(url)), ada)
  return { callback: oauth.validateAuthResponse(server, client, answer.location ?? url, state), verifier }
}

describe('oauth4webapi', () => {
  it.each(['RS256', 'ES256', 'PS256', 'EdDSA'])(
    'runs the whole flow, checks every answer and every signature (%s)',
    async (alg) => {
      const flow = await begin(alg)
      const { app, client, auth } = flow
      const nonce = oauth.generateRandomNonce()
      const { callback, verifier } = await authorize(flow, { nonce })

      const exchanged = await oauth.authorizationCodeGrantRequest(
        ...([server, client, auth, callback, app.redirect_uri, verifier, insecure] as const),
      )
      const tokens = await oauth.processAuthorizationCodeResponse(server, client, exchanged, {
        expectedNonce: nonce,
        requireIdToken: true,
      })
      await oauth.validateApplicationLevelSignature(server, exchanged, insecure)
      const claims = oauth.getValidatedIdTokenClaims(tokens)
      expect(claims).toMatchObject({ sub: ada.user_id, nonce, aud: app.client_id })

      const asked = await oauth.userInfoRequest(server, client, tokens.access_token, insecure)
      const person = await oauth.processUserInfoResponse(server, client, claims?.sub ?? '', asked)
      expect(person).toMatchObject({ sub: ada.user_id, email: ada.email })

      const looked = await oauth.introspectionRequest(server, client, auth, tokens.access_token, insecure)
      const seen = await oauth.processIntrospectionResponse(server, client, looked)
      expect(seen).toMatchObject({ active: true, sub: ada.user_id, token_type: 'Bearer' })

      const repeated = await oauth.refreshTokenGrantRequest(
        ...([server, client, auth, tokens.refresh_token ?? '', insecure] as const),
      )
      const refreshed = await oauth.processRefreshTokenResponse(server, client, repeated)
      await oauth.validateApplicationLevelSignature(server, repeated, insecure)
      expect(oauth.getValidatedIdTokenClaims(refreshed)?.sub).toBe(ada.user_id)

      const ended = await oauth.revocationRequest(server, client, auth, refreshed.refresh_token ?? '', insecure)
      await oauth.processRevocationResponse(ended)
      const after = await oauth.introspectionRequest(server, client, auth, refreshed.access_token, insecure)
      expect(await oauth.processIntrospectionResponse(server, client, after)).toEqual({ active: false })
    },
  )

  it('as the API: verifies access tokens of each algorithm by the published keys (RFC 9068 §4)', async () => {
    const resource = 'https://api.example/'
    for (const alg of ['RS256', 'ES256', 'PS256', 'EdDSA']) {
      const flow = await begin(alg, { resources: [resource] })
      const { callback, verifier } = await authorize(flow, { resource })
      const response = await oauth.authorizationCodeGrantRequest(
        ...([server, flow.client, flow.auth, callback, flow.app.redirect_uri, verifier, insecure] as const),
      )
      const tokens = await oauth.processAuthorizationCodeResponse(server, flow.client, response)
      const request = new Request('https://api.example/things', {
        headers: { authorization: `Bearer ${tokens.access_token}` },
      })
      const verified = await oauth.validateJwtAccessToken(server, request, resource, {
        ...insecure,
        signingAlgorithms: [alg],
      })
      expect(verified).toMatchObject({ sub: ada.user_id, client_id: flow.app.client_id, iss: house.server.issuer })
      // An API beside it has no use for it.
      await expect(oauth.validateJwtAccessToken(server, request, 'https://other.example/', insecure)).rejects.toThrow()
      // And an ID token is no access token (RFC 9068 §4, security rule G-5).
      const misuse = new Request('https://api.example/things', {
        headers: { authorization: `Bearer ${tokens.id_token ?? ''}` },
      })
      await expect(oauth.validateJwtAccessToken(server, misuse, flow.app.client_id, insecure)).rejects.toThrow()
    }
  })

  it('a public client, and a flow of plain OAuth without openid: no ID token, nothing else differs', async () => {
    const flow = await begin('RS256', { type: 'spa' })
    const { callback, verifier } = await authorize(flow, { scope: 'email' })
    const response = await oauth.authorizationCodeGrantRequest(
      ...([server, flow.client, flow.auth, callback, flow.app.redirect_uri, verifier, insecure] as const),
    )
    const tokens = await oauth.processAuthorizationCodeResponse(server, flow.client, response)
    expect(tokens.id_token).toBeUndefined()
    expect(tokens).toMatchObject({ token_type: 'bearer', scope: 'email' })
  })

  it('wrong and doubled answers are refused by it as errors of the specification', async () => {
    const flow = await begin('RS256')
    const { callback, verifier } = await authorize(flow, {})
    const exchange = async (): Promise<Response> =>
      await oauth.authorizationCodeGrantRequest(
        ...([server, flow.client, flow.auth, callback, flow.app.redirect_uri, verifier, insecure] as const),
      )
    await oauth.processAuthorizationCodeResponse(server, flow.client, await exchange())
    await expect(oauth.processAuthorizationCodeResponse(server, flow.client, await exchange())).rejects.toMatchObject({
      error: 'invalid_grant',
      status: 400,
    })
    const stranger = oauth.ClientSecretBasic('not the secret')
    const refused = await oauth.clientCredentialsGrantRequest(server, flow.client, stranger, {}, insecure)
    await expect(oauth.processClientCredentialsResponse(server, flow.client, refused)).rejects.toMatchObject({
      // RFC 6749 §5.2: who came with Basic is challenged for Basic.
      cause: [{ scheme: 'basic' }],
      status: 401,
    })
    const unknown = await oauth.userInfoRequest(server, flow.client, 'not.a.token', insecure)
    await expect(oauth.processUserInfoResponse(server, flow.client, ada.user_id, unknown)).rejects.toMatchObject({
      cause: [{ scheme: 'bearer', parameters: { error: 'invalid_token' } }],
    })
  })
})
