/** Owns asking the issuer: time limits, no redirects, and what a failure means. */
import { type KeywrightError, unavailable } from './errors.ts'
import { objectOf } from './text.ts'

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

const patienceMs = 5000

/** Asks for a JSON object. Throws `temporarily_unavailable` when there is no answer, or one that is none. */
export const askJson = async (
  fetch: Fetch,
  url: string,
  init: RequestInit = {},
): Promise<{ body: Record<string, unknown>; headers: Headers }> => {
  const response = await ask(fetch, url, { signal: AbortSignal.timeout(patienceMs), ...init })
  const text = await response.text().catch((error: unknown) => {
    throw unreachable(url, error)
  })
  if (response.status >= 500 || response.status === 429)
    throw unavailable(`The issuer answers ${response.status}.`, 'issuer_unreachable')
  const body = objectOf(text)
  if (response.status !== 200 || body === undefined) throw refused(url, response.status, body)
  return { body, headers: response.headers }
}

/** Asks, without reading the answer. */
export const ask = async (fetch: Fetch, url: string, init: RequestInit): Promise<Response> => {
  try {
    return await fetch(url, { redirect: 'error', ...init })
  } catch (error) {
    throw unreachable(url, error)
  }
}

const unreachable = (url: string, cause: unknown): KeywrightError =>
  unavailable(`The issuer does not answer at ${new URL(url).pathname}.`, 'issuer_unreachable', cause)

/** The issuer knows us not, or not for this: what it would have said of a token nobody knows (never a verdict). */
const refused = (url: string, status: number, body: Record<string, unknown> | undefined): KeywrightError => {
  const code = typeof body?.['error'] === 'string' ? ` ${body['error']}` : ''
  return unavailable(`The issuer refuses ${new URL(url).pathname}: ${status}${code}.`, 'issuer_refuses')
}
