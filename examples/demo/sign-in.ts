/**
 * Owns the OpenID Connect part of the application: start a sign-in, finish it, refresh the tokens, sign out.
 * Never touches cookies, sessions or pages. Start reading at `startSignIn`; this is the file to copy from.
 */
import * as client from 'openid-client'
import { type Client, type Settings, scope } from './settings.ts'

/** This application as Keywright knows it. */
export type RelyingParty = {
  configuration: client.Configuration
  redirect_uri: string
  post_logout_redirect_uri: string
  resource: string
}

/** What must be remembered in the browser's session until the answer comes. */
export type Attempt = { state: string; nonce: string; code_verifier: string; startedAt: Date; freshProof: boolean }

export type Tokens = {
  access_token: string
  expires_at: Date
  scope: string
  refresh_token: string | undefined
  id_token: string
  /** The instant these tokens came, and how often they have been renewed since the sign-in. */
  received_at: Date
  refreshes: number
}

export type SignedIn = { claims: client.IDToken; userInfo: client.UserInfoResponse; tokens: Tokens }

/** A refusal that Keywright meant for us; `error` is a code of RFC 6749 §4.1.2.1 or §5.2. */
export type Refused = { error: string; error_description: string | undefined }

/** Reads Keywright's metadata and becomes its client. Throws when the metadata cannot be had. */
export const connect = async (settings: Settings, { client_id, client_secret }: Client): Promise<RelyingParty> => {
  const issuer = new URL(settings.issuer)
  const configuration = await client.discovery(issuer, client_id, undefined, client.ClientSecretBasic(client_secret), {
    // Check the signature of ID tokens too, although they come straight from the token endpoint.
    execute:
      issuer.protocol === 'http:'
        ? [client.enableNonRepudiationChecks, plainHttp]
        : [client.enableNonRepudiationChecks],
  })
  return {
    configuration,
    redirect_uri: `${settings.demoUrl}/callback`,
    post_logout_redirect_uri: `${settings.demoUrl}/`,
    resource: settings.resource,
  }
}

/**
 * Starts a sign-in: the address for the browser, and what to remember for the answer. `state` and `nonce` tie the answer
 * to this browser (RFC 6749 §10.12, OpenID Connect Core §3.1.2.1), the PKCE verifier ties the code to us (RFC 7636 §4.1).
 * With `freshProof` Keywright asks for the password again although the person is signed in there.
 */
export const startSignIn = async (rp: RelyingParty, freshProof: boolean): Promise<{ url: URL; attempt: Attempt }> => {
  const code_verifier = client.randomPKCECodeVerifier()
  const state = client.randomState()
  const nonce = client.randomNonce()
  const url = client.buildAuthorizationUrl(rp.configuration, {
    redirect_uri: rp.redirect_uri,
    scope,
    resource: rp.resource,
    state,
    nonce,
    code_challenge: await client.calculatePKCECodeChallenge(code_verifier),
    code_challenge_method: 'S256',
    ...(freshProof && { prompt: 'login' }),
  })
  return { url, attempt: { state, nonce, code_verifier, startedAt: new Date(), freshProof } }
}

/**
 * Finishes a sign-in with the query of the callback. openid-client checks `state` and `iss` (RFC 9207 §2.4), and the
 * signature, `iss`, `aud`, `exp` and `nonce` of the ID token (OpenID Connect Core §3.1.3.7). Throws when Keywright cannot be reached
 * or when its answer is not what it must be.
 */
export const finishSignIn = async (rp: RelyingParty, query: string, attempt: Attempt): Promise<SignedIn | Refused> => {
  const answer = new URL(rp.redirect_uri)
  answer.search = query
  return orRefused(async () => {
    const response = await client.authorizationCodeGrant(
      rp.configuration,
      answer,
      { expectedState: attempt.state, expectedNonce: attempt.nonce, pkceCodeVerifier: attempt.code_verifier },
      { resource: rp.resource },
    )
    const claims = response.claims()
    if (!claims || !response.id_token) throw new Error('The token answer holds no ID token.')
    if (attempt.freshProof && !isFresh(claims, attempt)) return notFresh
    const userInfo = await client.fetchUserInfo(rp.configuration, response.access_token, claims.sub)
    return { claims, userInfo, tokens: tokensOf(response, { id_token: response.id_token, refreshes: 0 }) }
  })
}

/**
 * Renews the tokens (RFC 6749 §6). Keywright hands out a new refresh token each time and the old one dies: keep what
 * comes. A refusal `invalid_grant` means that the sign-in is over; anything thrown means nothing about it.
 */
export const refresh = async (rp: RelyingParty, { tokens }: SignedIn): Promise<Tokens | Refused> => {
  const { refresh_token, id_token, refreshes } = tokens
  if (!refresh_token) return { error: 'invalid_grant', error_description: 'There is no refresh token.' }
  return orRefused(async () => {
    const response = await client.refreshTokenGrant(rp.configuration, refresh_token, { resource: rp.resource })
    return tokensOf(response, { refresh_token, id_token: response.id_token ?? id_token, refreshes: refreshes + 1 })
  })
}

/** Tells Keywright that we need the refresh token no more; the access tokens from it die with it (RFC 7009 §2.1). */
export const revoke = async (rp: RelyingParty, tokens: Tokens): Promise<void> => {
  const [token, token_type_hint] = tokens.refresh_token
    ? [tokens.refresh_token, 'refresh_token']
    : [tokens.access_token, 'access_token']
  await client.tokenRevocation(rp.configuration, token, { token_type_hint })
}

/** Asks Keywright whether a token still counts (RFC 7662 §2). Throws when there is no answer: that is not a no. */
export const isActive = async (rp: RelyingParty, token: string): Promise<boolean> =>
  (await client.tokenIntrospection(rp.configuration, token, { token_type_hint: 'access_token' })).active

/**
 * Where to send the browser to sign out at Keywright (OpenID Connect RP-Initiated Logout §2). With the ID token as a hint
 * it ends this session and comes straight back; without it Keywright asks, and offers to sign out everywhere.
 */
export const signOutUrl = (rp: RelyingParty, state: string, id_token_hint?: string): URL =>
  client.buildEndSessionUrl(rp.configuration, {
    post_logout_redirect_uri: rp.post_logout_redirect_uri,
    state,
    ...(id_token_hint !== undefined && { id_token_hint }),
  })

export const randomState = client.randomState

// For a Keywright on this machine only; leave this out where there is TLS.
// oxlint-disable-next-line typescript/no-deprecated -- marked so that it stands out, not because it goes away.
const plainHttp = client.allowInsecureRequests

const notFresh: Refused = {
  error: 'login_required',
  error_description: 'The answer does not prove a new sign-in.',
}

// Whoever asks for `prompt=login` must look at `auth_time`: the parameter could have been cut out on the way
// (OpenID Connect Core §3.1.2.1). Ten seconds are for clocks that differ.
const isFresh = (claims: client.IDToken, { startedAt }: Attempt): boolean =>
  claims.auth_time !== undefined && claims.auth_time >= Math.floor(startedAt.getTime() / 1000) - 10

const tokensOf = (
  response: client.TokenEndpointResponse & client.TokenEndpointResponseHelpers,
  kept: { refresh_token?: string; id_token: string; refreshes: number },
): Tokens => {
  const received_at = new Date()
  return {
    access_token: response.access_token,
    expires_at: new Date(received_at.getTime() + (response.expiresIn() ?? 0) * 1000),
    scope: response.scope ?? scope,
    refresh_token: response.refresh_token ?? kept.refresh_token,
    id_token: kept.id_token,
    received_at,
    refreshes: kept.refreshes,
  }
}

/** A refusal by Keywright becomes a value; whatever else goes wrong stays an exception. */
const orRefused = async <T>(task: () => Promise<T | Refused>): Promise<T | Refused> => {
  try {
    return await task()
  } catch (error) {
    if (error instanceof client.AuthorizationResponseError || error instanceof client.ResponseBodyError) {
      return { error: error.error, error_description: error.error_description }
    }
    throw error
  }
}
