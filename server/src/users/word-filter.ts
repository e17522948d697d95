/**
 * Owns a set of words in compact form: a Bloom filter, which never misses a word and once in a while takes another one for
 * it. Pure. The words that are shipped are those of common-passwords.ts.
 */
import { hash } from 'node:crypto'

const magic = 'KWF1'
const headerBytes = 8

/** Tells whether a word is in the set; a word that is not may be taken for one as often as the filter was made for. */
export type WordFilter = (word: string) => boolean

/** Makes a filter that takes one of `oneIn` other words for one of its own. */
export const buildFilter = (words: ReadonlySet<string>, oneIn: number): Buffer => {
  // Bloom 1970: the size and the number of places that fit best.
  const bits = 8 * Math.max(1, Math.ceil((words.size * Math.log(oneIn)) / Math.LN2 ** 2 / 8))
  const places = Math.max(1, Math.round((bits / Math.max(1, words.size)) * Math.LN2))
  const bytes = Buffer.alloc(headerBytes + bits / 8)
  bytes.write(magic)
  bytes.writeUInt8(places, 4)
  for (const word of words) {
    for (const place of placesOf(word, places, bits)) {
      const at = headerBytes + Math.floor(place / 8)
      bytes.writeUInt8(bytes.readUInt8(at) | (1 << (place % 8)), at)
    }
  }
  return bytes
}

/** Opens a filter. Throws for bytes that are none. */
export const openFilter = (bytes: Buffer): WordFilter => {
  if (bytes.length <= headerBytes || bytes.toString('latin1', 0, 4) !== magic) throw new Error('this is no word filter')
  const places = bytes.readUInt8(4)
  const bits = 8 * (bytes.length - headerBytes)
  return (word) =>
    placesOf(word, places, bits).every(
      (place) => (bytes.readUInt8(headerBytes + Math.floor(place / 8)) & (1 << (place % 8))) !== 0,
    )
}

/** Kirsch and Mitzenmacher 2006: two hashes are enough to make all places of. */
const placesOf = (word: string, places: number, bits: number): number[] => {
  const digest = hash('sha256', word, 'buffer')
  const [one, other] = [digest.readUIntBE(0, 6), digest.readUIntBE(6, 6)]
  return Array.from({ length: places }, (_, index) => (one + index * other) % bits)
}
