/** Owns the check of a webhook (Standard Webhooks, security rule WH-2): who sent it, and that it is not an old one again. */
import { KeywrightError, misconfigured } from './errors.ts'

export type WebhookOptions = {
  /** How old a message may be, and how far ahead of this clock. Default 300. */
  toleranceSeconds?: number
  /** The time in milliseconds. Default: `Date.now`. */
  now?: () => number
}

/** A message that was checked. `id` is the same at each attempt: keep it to do nothing twice. */
export type Webhook = { id: string; timestamp: Date; payload: unknown }

type HeaderBag = Headers | Readonly<Record<string, string | readonly string[] | undefined>>

/**
 * Checks a message by its body as it came, byte for byte, and one secret or the two of a rotation.
 * @throws KeywrightError `invalid_webhook` for a message that is not to be believed, `invalid_configuration` for a secret that is none.
 */
export const verifyWebhook = async (
  body: string | Uint8Array,
  headers: HeaderBag,
  secret: string | readonly string[],
  { toleranceSeconds = 300, now = Date.now }: WebhookOptions = {},
): Promise<Webhook> => {
  const secrets = await Promise.all([secret].flat().map(keyOf))
  if (secrets.length === 0) throw misconfigured('verifyWebhook needs a secret.')
  const bag = {
    id: read(headers, 'webhook-id'),
    at: read(headers, 'webhook-timestamp'),
    said: read(headers, 'webhook-signature'),
  }
  if (!/^\d{1,12}$/.test(bag.at) || bag.id === '') throw refusal('The headers of the message are malformed.')
  const at = Number(bag.at) * 1000
  if (Math.abs(now() - at) > toleranceSeconds * 1000) throw refusal('The message is too old, or from the future.')
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body
  const signed = join(new TextEncoder().encode(`${bag.id}.${bag.at}.`), bytes)
  if (!(await isSigned(signed, signaturesOf(bag.said), secrets)))
    throw refusal('The signature of the message is wrong.')
  return { id: bag.id, timestamp: new Date(at), payload: parse(bytes) }
}

const refusal = (message: string): KeywrightError => new KeywrightError('invalid_webhook', message)

const read = (headers: HeaderBag, name: string): string => {
  if (headers instanceof Headers) return headers.get(name) ?? ''
  const found = Object.entries(headers).filter(([key]) => key.toLowerCase() === name)
  const value = found.length === 1 ? found[0]?.[1] : undefined
  return typeof value === 'string' ? value : ''
}

const keyOf = async (secret: unknown): Promise<CryptoKey> => {
  const text = typeof secret === 'string' ? /^(?:whsec_)?([A-Za-z0-9+/]{32,}={0,2})$/.exec(secret)?.[1] : undefined
  if (text === undefined) throw misconfigured('A webhook secret is whsec_ and base64 of at least 24 bytes.')
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  return await crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
}

/** Several signatures while a secret is being changed; those of versions that are not ours are passed over. */
const signaturesOf = (header: string): Uint8Array<ArrayBuffer>[] =>
  header
    .split(' ')
    .slice(0, 10)
    .flatMap((one) => /^v1,([A-Za-z0-9+/]{43}=)$/.exec(one)?.[1] ?? [])
    .map((text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0)))

/** `verify` compares in constant time; all pairs are compared, whichever fits. */
const isSigned = async (
  signed: Uint8Array<ArrayBuffer>,
  signatures: Uint8Array<ArrayBuffer>[],
  secrets: CryptoKey[],
): Promise<boolean> => {
  const checks = secrets.flatMap((key) => signatures.map((one) => crypto.subtle.verify('HMAC', key, one, signed)))
  return (await Promise.all(checks)).includes(true)
}

const join = (head: Uint8Array, tail: Uint8Array): Uint8Array<ArrayBuffer> => {
  const all = new Uint8Array(head.length + tail.length)
  all.set(head)
  all.set(tail, head.length)
  return all
}

const parse = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw refusal('The body of the message is not JSON.')
  }
}
