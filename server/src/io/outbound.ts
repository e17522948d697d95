/**
 * Owns calling out: the only file that does, so that time and size are bounded everywhere. Addresses that are not this
 * server's own are called with `guard`, which lets nothing into private networks (security rule WH-1). Mail goes its own
 * way (mail.ts), to the one server that the operator configured. Start reading at `call`.
 */
import { lookup as resolveName } from 'node:dns/promises'
import type { ClientRequest } from 'node:http'
import { request as overHttps } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import ipaddr from 'ipaddr.js'

// Not by `import`: that would evaluate all that node:http exports, and with it a second HTTP client of 4 MB.
const { request: overHttp } = process.getBuiltinModule('node:http')

/**
 * A call: `form` is sent as application/x-www-form-urlencoded, `json` as application/json. `timeoutMs` bounds the whole of
 * it. With `guard` only https to public addresses is allowed, apart from the host:port pairs in `allow`.
 */
export type Call = {
  method?: 'GET' | 'POST'
  /** A body that was written already, such as one that is signed. */
  body?: { text: string; type: string }
  headers?: Record<string, string>
  form?: Record<string, string>
  json?: unknown
  timeoutMs?: number
  guard?: { allow: readonly string[] }
}

/** An answer. Redirects are answers like any other and are not followed. */
export type Answer = { status: number; headers: Record<string, string | string[] | undefined>; body: string }

const sizeLimit = 256 * 1024

/**
 * Calls an http or https address.
 * @throws Error in words when the guard refuses it, nobody answers in time, the connection breaks, or the answer is larger
 * than 256 KiB
 */
export const call = async (url: string, options: Call = {}): Promise<Answer> => {
  const target = new URL(url)
  const { body, type } = bodyOf(options)
  const settings = {
    method: options.method ?? (body === undefined ? 'GET' : 'POST'),
    headers: { accept: 'application/json', ...type, ...options.headers },
    signal: AbortSignal.timeout(options.timeoutMs ?? 10_000),
    agent: false,
    ...(options.guard && guarded(target, options.guard.allow)),
  } as const
  return await new Promise((resolve, reject) => {
    const start = target.protocol === 'https:' ? overHttps : overHttp
    const outgoing = start(target, settings, (incoming) => {
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
    boundConnecting(outgoing)
    outgoing.end(body)
  })
}

/** Nobody needs longer to say hello, whatever the whole may take. */
const connectMs = 5000

const boundConnecting = (outgoing: ClientRequest): void => {
  outgoing.on('socket', (socket) => {
    const timer = setTimeout(() => outgoing.destroy(new Error(words['ETIMEDOUT'])), connectMs)
    const stop = (): void => clearTimeout(timer)
    socket.once('encrypted' in socket ? 'secureConnect' : 'connect', stop).once('close', stop)
  })
}

/**
 * Refuses what `call` with this guard would refuse, before it is stored (security rule WH-1). A name that cannot be looked up
 * now is let pass: it is looked up again at each call.
 * @throws Error in words
 */
export const checkTarget = async (url: string, allow: readonly string[]): Promise<void> => {
  const target = new URL(url)
  if (target.username !== '' || target.password !== '' || url.includes('#'))
    throw new Error('it has a user, a password or a fragment')
  const { lookup } = guarded(target, allow)
  if (lookup === undefined) return
  const found = await resolveName(target.hostname, { all: true }).catch(() => [])
  if (!found.every(({ address }) => isPublicAddress(address))) throw refusedAddress()
}

const bodyOf = ({ form, json, body }: Call): { body: string | undefined; type: Record<string, string> } => {
  if (body !== undefined) return { body: body.text, type: { 'content-type': body.type } }
  if (json !== undefined) return { body: JSON.stringify(json), type: { 'content-type': 'application/json' } }
  if (form === undefined) return { body: undefined, type: {} }
  return {
    body: new URLSearchParams(form).toString(),
    type: { 'content-type': 'application/x-www-form-urlencoded' },
  }
}

/** WH-1. The name is looked up once, here, and the connection goes to the address that was judged. */
const guarded = (target: URL, allow: readonly string[]): { lookup?: LookupFunction } => {
  const host = target.hostname.replace(/^\[(.*)\]$/, '$1')
  const port = target.port || (target.protocol === 'https:' ? '443' : '80')
  if (allow.includes(`${target.hostname}:${port}`)) return {}
  if (target.protocol !== 'https:') throw new Error('only https addresses are called')
  if (isIP(host) !== 0 && !isPublicAddress(host)) throw refusedAddress()
  return {
    lookup: (name, options, answer) => {
      resolveName(name, { ...options, all: true }).then(
        (found) => {
          const [first] = found
          // One private address among public ones is how such a name is smuggled in.
          if (first === undefined || !found.every(({ address }) => isPublicAddress(address)))
            return answer(refusedAddress(), '', 0)
          return options.all ? answer(null, found) : answer(null, first.address, first.family)
        },
        (error: unknown) => answer(error instanceof Error ? error : new Error(String(error)), '', 0),
      )
    },
  }
}

const refusedAddress = (): Error =>
  new Error('it lies in a private network; KEYWRIGHT_OUTBOUND_ALLOW can open it by host:port')

/** Whether an address is one of the public internet: not private, loopback, link-local, shared, multicast, or a way around (NAT64, 6to4, IPv4 in IPv6). */
export const isPublicAddress = (address: string): boolean => {
  if (!ipaddr.isValid(address)) return false
  const parsed = ipaddr.process(address)
  if (parsed.range() !== 'unicast') return false
  // RFC 4291 §2.4: only 2000::/3 has been given out; ::a.b.c.d and the like are not in it.
  return parsed instanceof ipaddr.IPv4 || parsed.match(ipaddr.IPv6.parse('2000::'), 3)
}

const words: Record<string, string> = {
  ECONNREFUSED: 'no program listens there',
  ENOTFOUND: 'there is no host of that name',
  EAI_AGAIN: 'the name of the host cannot be looked up now',
  ECONNRESET: 'the connection was cut',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the network cannot be reached',
  ETIMEDOUT: 'no answer in time',
  ABORT_ERR: 'no answer in time',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is signed by an unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is signed by an unknown authority',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
}

/** The sentence for a code of the system; undefined for one that says nothing by itself. */
export const wordsFor = (code: string): string | undefined => words[code]

/** A host with several addresses fails with an error that has no message of its own, only a code. */
const inWords = (error: Error): Error => {
  const code = 'code' in error ? String(error.code) : ''
  return new Error(words[code] ?? (error.message || code || 'no answer'), { cause: error })
}
