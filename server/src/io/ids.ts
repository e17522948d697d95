/** Owns random identifiers. Randomness is made here and handed to pure code as a value. */
import { randomFillSync, randomUUID } from 'node:crypto'

/**
 * UUIDv7 (RFC 9562 §5.7): 48 bits of milliseconds, then 74 random bits. Sorts by time, which keeps indexes compact, and
 * tells the instant of issue to the millisecond, which `iat` cannot.
 */
export const uuidv7 = (now: Date): string => {
  const stamp = now.getTime().toString(16).padStart(12, '0')
  const random = randomUUID()
  return `${stamp.slice(0, 8)}-${stamp.slice(8)}-7${random.slice(15)}`
}

/** 256 random bits, for everything that is a secret by itself. */
export const secretBytes = (): Buffer => randomBytes(32)

/** Random bytes, at most 1024, drawn many at a time: asking the generator costs the same for a few as for a thousand. */
export const randomBytes = (count: number): Buffer => {
  if (drawn + count > supply.length) {
    randomFillSync(supply)
    drawn = 0
  }
  const bytes = Buffer.from(supply.subarray(drawn, drawn + count))
  // What was handed out is nobody else's, and is not kept here.
  supply.fill(0, drawn, drawn + count)
  drawn += count
  return bytes
}

const supply = Buffer.alloc(1024)
let drawn = supply.length

/** 256 random bits as 43 base64url characters: cookie values, CSP nonces. */
export const secretText = (): string => secretBytes().toString('base64url')

/** Tells whether a text is a UUID as we write them: what is not, is never sent to a column of that type. */
export const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)
