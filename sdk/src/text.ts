/** Owns the reading of text and bytes that works in every runtime: base64url, JSON objects without a prototype, hashes. */

/** The bytes of base64url or base64 text. What is not of its alphabet has been refused before. */
export const bytesOf = (text: string): Uint8Array<ArrayBuffer> => {
  if (typeof Buffer === 'function') return new Uint8Array(Buffer.from(text, 'base64url'))
  const plain = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(plain, (character) => character.charCodeAt(0))
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** A JSON object as a record without prototype, so that what is absent is absent; undefined for anything else. */
export const objectOf = (text: string | Uint8Array): Record<string, unknown> | undefined => {
  try {
    const parsed: unknown = JSON.parse(typeof text === 'string' ? text : utf8.decode(text))
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return undefined
    return Object.assign(Object.create(null) as Record<string, unknown>, parsed)
  } catch {
    return undefined
  }
}

/** SHA-256 of a text, in base64url. */
export const sha256 = async (text: string): Promise<string> => {
  const sum = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return base64url(new Uint8Array(sum))
}

const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')

/** What is handed out more than once: nobody changes it for the next. */
export const frozen = <T extends object>(value: T): T => {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) frozen(inner as object)
  return Object.freeze(value)
}

/** The strings of a list; nothing for anything else. */
export const stringsOf = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : []
