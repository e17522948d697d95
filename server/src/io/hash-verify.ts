/**
 * Owns the comparing of a password with a hash of any known form, off the main thread. Never bounds how many run at once
 * (hashing.ts does) and never looks at a hash that costs too much. Start reading at `matches`.
 */
import { createCipheriv, hash as digestOf, pbkdf2, scrypt } from 'node:crypto'
import { promisify } from 'node:util'
import { verify as verifyArgon2 } from '@node-rs/argon2'
import { tooCostlyToVerify } from './hash-costs.ts'
import { type ByKind, byKind, type Digest, type StoredHash } from './hash-formats.ts'
import { sameBytes } from './secrets.ts'

const deriveScrypt = promisify<string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(
  scrypt,
)
const derivePbkdf2 = promisify(pbkdf2)

/**
 * Tells whether a password fits. False for a hash beyond its bounds, without computing it. Our own form was made of the
 * password in NFKC; other systems hashed it as it was typed.
 */
export const matches = async (stored: StoredHash, password: string): Promise<boolean> =>
  tooCostlyToVerify(stored) === undefined && (await byKind(comparisons, stored)(password))

type Comparison = (password: string) => Promise<boolean>

const comparisons: ByKind<Comparison> = {
  argon2:
    ({ text }) =>
    async (password) =>
      await verifyArgon2(text, normalize(password)),
  wrapped: (stored) => async (password) =>
    await verifyArgon2(stored.outer.text, saltedDigest(stored, password).toString('base64')),
  bcrypt:
    ({ text }) =>
    async (password) =>
      await matchesBcrypt(text, password),
  salted: (stored) => async (password) => await Promise.resolve(sameBytes(saltedDigest(stored, password), stored.hash)),
  // RFC 8018 §5.2
  pbkdf2:
    ({ salt, iterations, hash, digest }) =>
    async (password) =>
      sameBytes(await derivePbkdf2(password, salt, iterations, hash.length, digest), hash),
  scrypt: (stored) => async (password) =>
    sameBytes(await derive(stored, password, { salt: stored.salt, length: stored.hash.length }), stored.hash),
  firebase: (stored) => async (password) => sameBytes(await firebase(stored, password), stored.hash),
}

/** NIST SP 800-63B §3.1.1.2: the same password typed on two keyboards is the same password. */
export const normalize = (password: string): string => password.normalize('NFKC')

/** What an LDAP directory keeps beside the salt: one pass over the password, then the salt. */
const saltedDigest = ({ digest, salt }: { digest: Digest; salt: Buffer }, password: string): Buffer =>
  digestOf(digest, Buffer.concat([Buffer.from(password), salt]), 'buffer')

/** Loaded at the first such hash: most deployments have none. Only the first 72 bytes of a password count, as everywhere. */
const matchesBcrypt = async (text: string, password: string): Promise<boolean> => {
  const { verify } = await import('@node-rs/bcrypt')
  return await verify(password, text)
}

type Scrypt = { ln: number; r: number; p: number }

// RFC 7914 §2
const derive = async ({ ln, r, p }: Scrypt, password: string, to: { salt: Buffer; length: number }): Promise<Buffer> =>
  await deriveScrypt(password, to.salt, to.length, { N: 2 ** ln, r, p, maxmem: 320 * 1024 * 1024 })

/** Firebase: the signer key, encrypted with AES-256-CTR under a key that scrypt derives from password, salt and separator. */
const firebase = async (stored: StoredHash & { kind: 'firebase' }, password: string): Promise<Buffer> => {
  const salt = Buffer.concat([stored.salt, stored.separator])
  const key = await derive({ ...stored, p: 1 }, password, { salt, length: 32 })
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
  return Buffer.concat([cipher.update(stored.signerKey), cipher.final()])
}
