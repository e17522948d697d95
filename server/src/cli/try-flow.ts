/**
 * Owns the steps of `keywright try`: each is one request of an ordinary client, checked as a client must, and told to
 * the person. Tokens are never shown whole. Start reading at `signInOnce`.
 */
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { StartError } from '../config/start-error.ts'
import { type Answer, call } from '../io/outbound.ts'
import { secretText } from '../io/ids.ts'
import { challengeOf } from '../protocol/pkce.ts'
import type { Loopback } from './loopback.ts'

/** What happened in one step: names and values, tokens shortened. */
export type Step = { step: string; facts: Record<string, unknown> }

export type Trial = {
  issuer: string
  client_id: string
  client_secret?: string | undefined
  scope: string
  waitSeconds: number
  /** Told of each step as it happens. */
  tell: (step: Step) => void
  /** Told where the person has to go. */
  visit: (url: string) => void
}

type Metadata = Record<
  'issuer' | 'authorization_endpoint' | 'token_endpoint' | 'userinfo_endpoint' | 'revocation_endpoint' | 'jwks_uri',
  string
>
type Tokens = { access_token: string; id_token?: string; refresh_token?: string; expires_in?: number; scope?: string }

/** Goes the whole way once: discovery, authorization, tokens, userinfo, refresh, revocation. Throws StartError at a refusal. */
export const signInOnce = async (trial: Trial, loopback: Loopback): Promise<void> => {
  const metadata = await discover(trial)
  const { code, code_verifier, nonce } = await authorize(trial, metadata, loopback)
  const redirect_uri = loopback.redirect_uri
  const form = { grant_type: 'authorization_code', code, redirect_uri, code_verifier }
  const tokens = await requestTokens(trial, metadata, { title: 'Token request', form })
  const sub = await checkIdToken(trial, metadata, { tokens, nonce })
  await askUserinfo(trial, metadata, { access_token: tokens.access_token, sub })
  const newest = await refresh(trial, metadata, tokens)
  await revoke(trial, metadata, newest)
}

const discover = async (trial: Trial): Promise<Metadata> => {
  const url = `${trial.issuer}/.well-known/openid-configuration`
  const answer = await call(url).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error)
    throw new StartError(
      `No server answers at ${trial.issuer} (${why}): start one with \`keywright serve\`, or set KEYWRIGHT_ISSUER to the one to try.`,
    )
  })
  if (answer.status !== 200)
    throw new StartError(`${url} answers ${answer.status}: that is no Keywright, or its proxy hands on another Host.`)
  const metadata = jsonOf(answer) as Metadata
  if (metadata.issuer !== trial.issuer)
    throw new StartError(
      `The server calls itself ${metadata.issuer}, not ${trial.issuer}: set KEYWRIGHT_ISSUER to that.`,
    )
  trial.tell({ step: 'Discovery', facts: { url, issuer: metadata.issuer } })
  return metadata
}

const authorize = async (
  trial: Trial,
  metadata: Metadata,
  loopback: Loopback,
): Promise<{ code: string; code_verifier: string; nonce: string }> => {
  const [state, nonce, code_verifier] = [secretText(), secretText(), secretText()]
  const parameters = {
    response_type: 'code',
    client_id: trial.client_id,
    redirect_uri: loopback.redirect_uri,
    scope: trial.scope,
    state,
    nonce,
    code_challenge: challengeOf(code_verifier) ?? '',
    code_challenge_method: 'S256',
  }
  const url = `${metadata.authorization_endpoint}?${new URLSearchParams(parameters).toString()}`
  trial.tell({ step: 'Authorization request', facts: { ...parameters, code_verifier: shortened(code_verifier), url } })
  const answer = loopback.answer(state, trial.waitSeconds)
  trial.visit(url)
  const given = Object.fromEntries(await answer)
  const { code, error, iss } = given
  // RFC 9207 §2.4: an answer of another issuer must not be used.
  if (iss !== metadata.issuer)
    throw new StartError(`The answer comes from ${iss ?? 'an unnamed issuer'}, not from ${metadata.issuer}.`)
  if (error !== undefined || code === undefined) throw refused('The authorization endpoint', given)
  trial.tell({ step: 'Authorization response', facts: { ...given, code: shortened(code) } })
  return { code, code_verifier, nonce }
}

const requestTokens = async (
  trial: Trial,
  metadata: Metadata,
  { title, form }: { title: string; form: Record<string, string> },
): Promise<Tokens> => {
  const { form: sent, headers } = authenticated(trial, form)
  const answer = await call(metadata.token_endpoint, { form: sent, headers })
  const body = jsonOf(answer)
  trial.tell({ step: title, facts: { url: metadata.token_endpoint, ...shortenedAll(form) } })
  if (answer.status !== 200) throw refused('The token endpoint', body)
  trial.tell({ step: 'Token response', facts: { ...shortenedAll(body), ...claimsOf(body) } })
  return body as Tokens
}

/** RFC 6749 §2.3.1: a secret goes into the header, form-url-encoded; a public client names itself in the body. */
const authenticated = ({ client_id, client_secret }: Trial, form: Record<string, string>) => {
  if (client_secret === undefined) return { form: { ...form, client_id }, headers: {} }
  const [name, secret] = [client_id, client_secret].map((text) => encodeURIComponent(text))
  return { form, headers: { authorization: `Basic ${Buffer.from(`${name}:${secret}`).toString('base64')}` } }
}

/** OpenID Connect Core §3.1.3.7: signature, issuer, audience, time, nonce. Without openid in the scope there is none to check. */
const checkIdToken = async (
  trial: Trial,
  metadata: Metadata,
  { tokens, nonce }: { tokens: Tokens; nonce: string },
): Promise<string | undefined> => {
  if (tokens.id_token === undefined) return undefined
  const keys = jsonOf(await call(metadata.jwks_uri)) as unknown as JSONWebKeySet
  const options = { issuer: metadata.issuer, audience: trial.client_id }
  const checked = await jwtVerify(tokens.id_token, createLocalJWKSet(keys), options).catch((error: unknown) => {
    throw new StartError(`The ID token is not right: ${error instanceof Error ? error.message : String(error)}.`)
  })
  if (checked.payload['nonce'] !== nonce) throw new StartError('The ID token is not right: its nonce is another one.')
  const { alg, kid } = checked.protectedHeader
  trial.tell({
    step: 'ID token checked',
    facts: { alg, kid, signature: 'right', issuer: 'right', audience: 'right', nonce: 'right' },
  })
  return checked.payload.sub
}

const askUserinfo = async (
  trial: Trial,
  metadata: Metadata,
  { access_token, sub }: { access_token: string; sub: string | undefined },
): Promise<void> => {
  // UserInfo is for tokens with openid in their scope (OpenID Connect Core §5.3).
  if (sub === undefined) return
  const answer = await call(metadata.userinfo_endpoint, { headers: { authorization: `Bearer ${access_token}` } })
  const body = jsonOf(answer)
  if (answer.status !== 200) throw refused('The userinfo endpoint', body)
  if (body['sub'] !== sub) throw new StartError('UserInfo speaks of another person than the ID token.')
  trial.tell({ step: 'UserInfo', facts: { url: metadata.userinfo_endpoint, ...body } })
}

const refresh = async (trial: Trial, metadata: Metadata, tokens: Tokens): Promise<Tokens> => {
  if (tokens.refresh_token === undefined) return tokens
  const form = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token }
  return await requestTokens(trial, metadata, { title: 'Refresh request', form })
}

/** RFC 7009: what is revoked here is dead everywhere, the access token too; UserInfo shows it. */
const revoke = async (trial: Trial, metadata: Metadata, tokens: Tokens): Promise<void> => {
  const token = tokens.refresh_token ?? tokens.access_token
  const { form, headers } = authenticated(trial, { token })
  const answer = await call(metadata.revocation_endpoint, { form, headers })
  if (answer.status !== 200) throw refused('The revocation endpoint', jsonOf(answer))
  const after = await call(metadata.userinfo_endpoint, { headers: { authorization: `Bearer ${tokens.access_token}` } })
  if (after.status !== 401) throw new StartError(`A revoked token still works: UserInfo answers ${after.status}.`)
  const facts = { url: metadata.revocation_endpoint, token: shortened(token), answer: answer.status }
  trial.tell({ step: 'Revocation', facts: { ...facts, 'userinfo afterwards': after.status } })
}

const jsonOf = (answer: Answer): Record<string, unknown> => {
  try {
    const value: unknown = JSON.parse(answer.body)
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>
  } catch {
    // Said below: an answer that is no JSON is as wrong as one that is no object.
  }
  throw new StartError(`The server answers ${answer.status} with something that is no JSON object.`)
}

const refused = (who: string, { error, error_description, error_id }: Record<string, unknown>): StartError => {
  const why = typeof error_id === 'string' ? ` \`keywright explain ${error_id}\` says why.` : ''
  return new StartError(`${who} refuses: ${String(error)}, ${String(error_description)}${why}`)
}

const secret = /^(code|code_verifier|access_token|refresh_token|id_token)$/

const shortenedAll = (values: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      secret.test(name) && typeof value === 'string' ? shortened(value) : value,
    ]),
  )

/** Enough to recognise a token, not enough to use it. */
const shortened = (token: string): string => `${token.slice(0, 10)}… (${token.length} characters)`

const claimsOf = (body: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    ['id_token', 'access_token'].flatMap((name) => {
      const token = body[name]
      const [, payload, mac] = typeof token === 'string' ? token.split('.') : []
      if (payload === undefined || mac === undefined) return []
      return [[`${name} says`, JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))]]
    }),
  )
