/** Owns the form of opaque credentials (`kw_<type>_…`): what is not of it need not be asked about. */

/** Tells an API key from anything else by its beginning. */
export const isApiKey = (text: string): boolean => text.startsWith('kw_ak_')

/** Tells an access token that is not a JWT. */
export const isOpaqueToken = (text: string): boolean => text.startsWith('kw_at_')

/** Whether the form and the checksum are right. They prove nothing. */
export const isWellFormed = (text: string): boolean => {
  if (text.length > 200 || !/^kw_a[kt]_[0-9A-Za-z]{12,}$/.test(text)) return false
  const body = text.slice(0, -6)
  return encode(crc32(body)) === text.slice(-6)
}

const crc32 = (text: string): number => {
  let rest = 0xff_ff_ff_ff
  for (const character of text) {
    rest ^= character.charCodeAt(0)
    for (let bit = 0; bit < 8; bit += 1) rest = (rest >>> 1) ^ (rest & 1 ? 0xed_b8_83_20 : 0)
  }
  return (rest ^ 0xff_ff_ff_ff) >>> 0
}

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

const encode = (word: number): string =>
  [5, 4, 3, 2, 1, 0].map((place) => alphabet.charAt(Math.floor(word / 62 ** place) % 62)).join('')
