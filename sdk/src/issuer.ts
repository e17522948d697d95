/** Owns the addresses of the issuer, out of its discovery document (OpenID Connect Discovery §4), read once. */
import { misconfigured, unavailable } from './errors.ts'
import { askJson, type Fetch } from './http.ts'

export type Endpoint = 'jwks_uri' | 'token_endpoint' | 'introspection_endpoint' | 'keywright_revocation_feed'
/** Finds the address of an endpoint. Throws `temporarily_unavailable`. */
export type Endpoints = (name: Endpoint) => Promise<string>

/** Refuses what nobody should be asked at: everything goes over TLS but on this machine. */
export const checkIssuer = (issuer: string, allowHttp: boolean): void => {
  if (!URL.canParse(issuer) || /[?#]/.test(issuer) || issuer.endsWith('/'))
    throw misconfigured('issuer is a URL without query, fragment and final slash, as in the discovery document.')
  if (!isSafe(issuer, allowHttp))
    throw misconfigured('issuer is an https URL; allowHttp permits http beyond this machine.')
}

const isSafe = (address: string, allowHttp: boolean): boolean => {
  const { protocol, hostname } = new URL(address)
  if (protocol === 'https:') return true
  return protocol === 'http:' && (allowHttp || ['localhost', '127.0.0.1', '[::1]'].includes(hostname))
}

/** Reads the document when it is first needed; a failure is tried again by whoever asks next. */
export const createEndpoints = (issuer: string, fetch: Fetch, allowHttp: boolean): Endpoints => {
  const state: { reading: Promise<Record<string, unknown>> | undefined } = { reading: undefined }
  const read = async (): Promise<Record<string, unknown>> => {
    const { body } = await askJson(fetch, `${issuer}/.well-known/openid-configuration`)
    // OpenID Connect Discovery §4.3: it must be the issuer's own, exactly.
    if (body['issuer'] !== issuer) throw unavailable('The document of the issuer names another one.', 'issuer_refuses')
    return body
  }
  return async (name) => {
    state.reading ??= read().catch((error: unknown) => {
      state.reading = undefined
      throw error
    })
    const address = (await state.reading)[name]
    if (typeof address === 'string' && URL.canParse(address) && isSafe(address, allowHttp)) return address
    throw unavailable(`The issuer has no ${name}.`, 'issuer_refuses')
  }
}
