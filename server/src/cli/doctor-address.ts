/**
 * Owns the checks of `keywright doctor` that call the server where its users do: reachable, the same issuer byte for byte,
 * Host header, cookies, proxies. Start reading at `checkAddress`.
 */
import { isLoopbackIssuer } from '../config/check.ts'
import type { Config } from '../config/schema.ts'
import { doctorHost } from '../events/similar-decisions.ts'
import { type Answer, call } from '../io/outbound.ts'
import type { Check } from './check.ts'

/** All of them. When nobody answers, what needs an answer is skipped. */
export const checkAddress = async (config: Config): Promise<Check[]> => {
  const { issuer } = config
  const answer = await call(`${issuer}/.well-known/openid-configuration`, { timeoutMs: 5000 }).catch(asError)
  const reached = judgeDiscovery(issuer, answer)
  if (reached.status === 'failed') {
    const rest = ['host header', 'cookies'].map((check): Check => ({ check, status: 'skipped', detail: 'see issuer' }))
    return [reached, ...rest, checkProxies(config)]
  }
  return [reached, await checkHost(issuer), await checkCookies(issuer), checkProxies(config)]
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)))

/** OpenID Connect Discovery §4.3: the issuer must be exactly the one that the address was built from. Pure. */
export const judgeDiscovery = (issuer: string, answer: Answer | Error): Check => {
  const failed = (detail: string, mend: string): Check => ({ check: 'issuer', status: 'failed', detail, mend })
  if (answer instanceof Error)
    return failed(
      `nobody answers at ${issuer}: ${answer.message}`,
      'Start the server, or set KEYWRIGHT_ISSUER to the address that people use.',
    )
  if (answer.status === 421)
    return failed(`${issuer} refuses its own name`, 'Let the proxy hand on the Host header, or set KEYWRIGHT_ISSUER.')
  const given = answer.status === 200 ? issuerIn(answer.body) : undefined
  if (given === undefined)
    return failed(
      `${issuer} answers ${answer.status} without a discovery document`,
      'Something else listens there: let the proxy lead to this server.',
    )
  if (given !== issuer)
    return failed(
      `the server calls itself ${given}, the settings here say ${issuer}`,
      'Use the same KEYWRIGHT_ISSUER everywhere.',
    )
  return { check: 'issuer', status: 'ok', detail: `${issuer} answers and calls itself that` }
}

const issuerIn = (body: string): string | undefined => {
  try {
    const document: unknown = JSON.parse(body)
    const isDocument = typeof document === 'object' && document !== null && 'issuer' in document
    return isDocument && typeof document.issuer === 'string' ? document.issuer : undefined
  } catch {
    return undefined
  }
}

/** RC-2: a request for another host must not reach the server as one for its own. */
const checkHost = async (issuer: string): Promise<Check> => {
  const check = 'host header'
  const headers = { host: doctorHost }
  const answer = await call(`${issuer}/.well-known/openid-configuration`, { headers, timeoutMs: 5000 }).catch(asError)
  if (answer instanceof Error || answer.status !== 200)
    return { check, status: 'ok', detail: 'another host is refused' }
  return {
    check,
    status: 'warning',
    detail: 'a proxy replaces the Host header, so requests for any host come in',
    mend: 'Let the proxy answer for this host only and hand its Host header on.',
  }
}

const checkCookies = async (issuer: string): Promise<Check> =>
  judgeCookies(issuer, await call(`${issuer}/login`, { timeoutMs: 5000 }).catch(asError))

/** CK-1: over https every cookie is Secure and bound to the host; over http only this machine may be asked. Pure. */
export const judgeCookies = (issuer: string, answer: Answer | Error): Check => {
  const check = 'cookies'
  if (answer instanceof Error)
    return { check, status: 'failed', detail: `the sign-in page does not answer: ${answer.message}` }
  const cookies = [answer.headers['set-cookie'] ?? []].flat()
  if (cookies.length === 0)
    return { check, status: 'failed', detail: 'the sign-in page sets none', mend: 'Let the proxy hand on Set-Cookie.' }
  if (issuer.startsWith('https:')) {
    const isBound = cookies.every((cookie) => cookie.startsWith('__Host-') && /; *secure/i.test(cookie))
    if (isBound) return { check, status: 'ok', detail: 'Secure and bound to the host' }
    return {
      check,
      status: 'failed',
      detail: 'not Secure, or renamed',
      mend: 'Let the proxy leave Set-Cookie as it is.',
    }
  }
  if (isLoopbackIssuer(issuer))
    return { check, status: 'ok', detail: 'without https, which is right on this machine only' }
  const mend = 'Put TLS in front and set KEYWRIGHT_ISSUER to the https address.'
  return { check, status: 'failed', detail: 'passwords and cookies travel in the clear', mend }
}

/** PX-1: without the list, everybody behind a proxy shares its address, and one of them can use up the limits of all. Pure. */
export const checkProxies = ({ issuer, trusted_proxies }: Pick<Config, 'issuer' | 'trusted_proxies'>): Check => {
  const check = 'proxies'
  if (trusted_proxies.length > 0) return { check, status: 'ok', detail: `trusted: ${trusted_proxies.join(', ')}` }
  if (isLoopbackIssuer(issuer)) return { check, status: 'ok', detail: 'none, as on a machine of its own' }
  return {
    check,
    status: 'warning',
    detail: 'none is trusted, so a proxy counts as the address of everybody behind it',
    mend: 'When one stands in front, name it in KEYWRIGHT_TRUSTED_PROXIES.',
  }
}
