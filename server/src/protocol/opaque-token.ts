/**
 * Owns the format of opaque values: `kw_<type>_<base62><crc>`. The prefix lets secret scanners find leaks, the
 * checksum lets garbage be refused without a query. The checksum proves nothing: possession is proved by the hash.
 */
import { crc32 } from 'node:zlib'
import { hash } from 'node:crypto'

/** rt refresh token · ac authorization code · at access token · cs client secret · ak API key · iat, rat registration · su setup link · ot any other one-time link */
export type OpaqueType = 'at' | 'rt' | 'ac' | 'ak' | 'cs' | 'rat' | 'iat' | 'su' | 'ot'

/** A secret as its holder knows it. Never stored, never logged. */
export type PlainToken = string & { readonly brand: 'PlainToken' }
/** SHA-256 of a `PlainToken`, as stored. */
export type TokenHash = Buffer & { readonly brand: 'TokenHash' }

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const values = new Map(alphabet.split('').map((character, index) => [character, index]))
const checksumLength = 6

/** Makes an opaque value out of random or structured bytes, whose number is a multiple of four. */
export const mintOpaque = (type: OpaqueType, bytes: Uint8Array): PlainToken => {
  const body = `kw_${type}_${encode62(bytes)}`
  return `${body}${encodeWord(crc32(body))}` as PlainToken
}

/** The bytes of an opaque value of this type, or undefined when it is malformed or of another type. */
export const parseOpaque = (type: OpaqueType, token: string): Buffer | undefined => {
  const prefix = `kw_${type}_`
  if (!token.startsWith(prefix) || token.length > 200) return undefined
  const body = token.slice(0, -checksumLength)
  if (token.slice(-checksumLength) !== encodeWord(crc32(body))) return undefined
  return decode62(body.slice(prefix.length))
}

/** What is stored of a secret with at least 128 bits of entropy: its SHA-256. */
export const hashToken = (token: PlainToken | string): TokenHash => hash('sha256', token, 'buffer') as TokenHash

/** Base62 in groups of four bytes to six characters: fixed length, one spelling for each value. */
export const encode62 = (bytes: Uint8Array): string => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let text = ''
  for (let at = 0; at < bytes.length; at += 4) text += encodeWord(view.getUint32(at))
  return text
}

const encodeWord = (word: number): string => {
  let text = ''
  let rest = word
  for (let place = 0; place < 6; place += 1) {
    text = alphabet.charAt(rest % 62) + text
    rest = Math.floor(rest / 62)
  }
  return text
}

const decode62 = (text: string): Buffer | undefined => {
  if (text.length === 0 || text.length % 6 !== 0) return undefined
  const bytes = Buffer.alloc((text.length / 6) * 4)
  for (let at = 0; at < text.length; at += 6) {
    const word = decodeWord(text.slice(at, at + 6))
    if (word === undefined) return undefined
    bytes.writeUInt32BE(word, (at / 6) * 4)
  }
  return bytes
}

const decodeWord = (text: string): number | undefined => {
  let word = 0
  for (const character of text) {
    const value = values.get(character)
    if (value === undefined) return undefined
    word = word * 62 + value
  }
  return word > 0xff_ff_ff_ff ? undefined : word
}
