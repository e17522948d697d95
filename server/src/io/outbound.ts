/**
 * Owns calling out: the only file that does, so that time and size are bounded everywhere. What it calls so far are
 * addresses that the operator configured, the issuer's own; addresses that strangers give need a guard first (WH-1).
 */
import { request as overHttp } from 'node:http'
import { request as overHttps } from 'node:https'

/** A call: `form` is sent as application/x-www-form-urlencoded. `timeoutMs` bounds the whole of it. */
export type Call = {
  method?: 'GET' | 'POST'
  headers?: Record<string, string>
  form?: Record<string, string>
  timeoutMs?: number
}

/** An answer. Redirects are answers like any other and are not followed. */
export type Answer = { status: number; headers: Record<string, string | string[] | undefined>; body: string }

const sizeLimit = 256 * 1024

/**
 * Calls an http or https address.
 * @throws Error in words when nobody answers in time, the connection breaks, or the answer is larger than 256 KiB
 */
export const call = async (
  url: string,
  { method, headers = {}, form, timeoutMs = 10_000 }: Call = {},
): Promise<Answer> => {
  const body = form && new URLSearchParams(form).toString()
  const type = body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }
  const options = {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: { accept: 'application/json', ...type, ...headers },
    signal: AbortSignal.timeout(timeoutMs),
    agent: false,
  } as const
  return await new Promise((resolve, reject) => {
    const start = new URL(url).protocol === 'https:' ? overHttps : overHttp
    const outgoing = start(url, options, (incoming) => {
      const chunks: Buffer[] = []
      let size = 0
      incoming.on('data', (chunk: Buffer) => {
        size += chunk.length
        chunks.push(chunk)
        if (size > sizeLimit) incoming.destroy(new Error('the answer is larger than 256 KiB'))
      })
      incoming.on('error', (error) => reject(inWords(error)))
      incoming.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8')
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: text })
      })
    })
    outgoing.on('error', (error) => reject(inWords(error)))
    outgoing.end(body)
  })
}

const words: Record<string, string> = {
  ECONNREFUSED: 'no program listens there',
  ENOTFOUND: 'there is no host of that name',
  EAI_AGAIN: 'the name of the host cannot be looked up now',
  ECONNRESET: 'the connection was cut',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ABORT_ERR: 'no answer in time',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by an unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by an unknown authority',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
}

/** A host with several addresses fails with an error that has no message of its own, only a code. */
const inWords = (error: Error): Error => {
  const code = 'code' in error ? String(error.code) : ''
  return new Error(words[code] ?? (error.message || code || 'no answer'), { cause: error })
}
