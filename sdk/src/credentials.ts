/** Owns how the library proves itself to the issuer: a client by its secret, or an API key. */
import { misconfigured, unavailable } from './errors.ts'
import { askJson, type Fetch } from './http.ts'
import type { Endpoints } from './issuer.ts'

/** The client needs the scope `revocations:read`; to introspect, the audience of this API among its own. */
export type ClientCredentials = { client_id: string; client_secret: string }
/** An API key with the permission `revocations:read`. It cannot introspect. */
export type KeyCredentials = { api_key: string }
export type Credentials = ClientCredentials | KeyCredentials

export const isClient = (credentials: Credentials | undefined): credentials is ClientCredentials =>
  credentials !== undefined && 'client_id' in credentials

/** Refuses what cannot be used, before anybody depends on it. */
export const checkCredentials = (credentials: Credentials): void => {
  const values = isClient(credentials) ? [credentials.client_id, credentials.client_secret] : [credentials.api_key]
  if (values.some((value) => typeof value !== 'string' || value === ''))
    throw misconfigured('credentials are { client_id, client_secret } or { api_key }, none of them empty.')
}

/** RFC 6749 §2.3.1: both halves are form-url-encoded before they are joined. */
export const basicOf = ({ client_id, client_secret }: ClientCredentials): string => {
  const encode = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1)
  return `Basic ${btoa(`${encode(client_id)}:${encode(client_secret)}`)}`
}

/** What the feed is asked with. `renew` forgets the token that was refused. */
export type Pass = { headers: () => Promise<Record<string, string>>; renew: () => void }

type Place = { endpoints: Endpoints; fetch: Fetch }

/** Makes the pass: an API key as it is, or an access token of the client itself (RFC 6749 §4.4), while that lasts. */
export const createPass = (credentials: Credentials, place: Place): Pass => {
  if (!isClient(credentials))
    return { headers: async () => await Promise.resolve({ 'x-api-key': credentials.api_key }), renew: () => {} }
  const state = { token: '', until: Number.NEGATIVE_INFINITY }
  return {
    renew: () => {
      state.until = Number.NEGATIVE_INFINITY
    },
    headers: async () => {
      if (performance.now() >= state.until) Object.assign(state, await getToken(credentials, place))
      return { authorization: `Bearer ${state.token}` }
    },
  }
}

/** A token lives at least until a stream with it is worth opening. */
const marginSeconds = 15

const getToken = async (
  credentials: ClientCredentials,
  { endpoints, fetch }: Place,
): Promise<{ token: string; until: number }> => {
  const began = performance.now()
  const { body } = await askJson(fetch, await endpoints('token_endpoint'), {
    method: 'POST',
    headers: { authorization: basicOf(credentials), 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'revocations:read' }).toString(),
  })
  const { access_token, expires_in } = body
  if (typeof access_token !== 'string') throw unavailable('The issuer gives no token for the feed.', 'issuer_refuses')
  const seconds = typeof expires_in === 'number' ? expires_in : 0
  return { token: access_token, until: began + (seconds - marginSeconds) * 1000 }
}
