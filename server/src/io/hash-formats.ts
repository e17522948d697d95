/**
 * Owns the forms in which password hashes of other systems come, and this server's own: text into facts, and back. Pure;
 * never hashes and never judges what a hash would cost (hash-costs.ts does). Start reading at `readHash`.
 */

export type Digest = 'sha1' | 'sha256' | 'sha512'

/** RFC 9106. `text` is the whole PHC string, as the library reads it. */
export type Argon2Hash = { kind: 'argon2'; text: string; memoryKib: number; passes: number; lanes: number }

/** One pass of a digest over password and salt, as LDAP directories keep it (RFC 2307 §5.3 with a salt). */
type SaltedHash = { kind: 'salted'; digest: Digest; salt: Buffer; hash: Buffer }

/** What was `salted` and is now hashed once more: argon2id over the old digest, so that the old one is kept nowhere. */
type WrappedHash = { kind: 'wrapped'; digest: Digest; salt: Buffer; outer: Argon2Hash }

export type StoredHash =
  | Argon2Hash
  | { kind: 'bcrypt'; text: string; cost: number }
  | { kind: 'scrypt'; ln: number; r: number; p: number; salt: Buffer; hash: Buffer }
  | { kind: 'pbkdf2'; digest: Digest; iterations: number; salt: Buffer; hash: Buffer }
  | { kind: 'firebase'; ln: number; r: number; signerKey: Buffer; separator: Buffer; salt: Buffer; hash: Buffer }
  | SaltedHash
  | WrappedHash

type Reader = { form: RegExp; read: (parts: readonly string[]) => StoredHash | undefined }

/**
 * Reads a hash of any known form. Undefined for everything else, and for a hash that is too short, too long or written
 * in two ways at once. Lengths are bounded here, so that whatever is returned can be verified without an error.
 */
export const readHash = (text: string): StoredHash | undefined => {
  if (text.length > 1000) return undefined
  for (const { form, read } of readers) {
    const parts = form.exec(text)
    if (parts) return read(parts)
  }
  return undefined
}

/** One function for each kind of hash. */
export type ByKind<T> = { readonly [K in StoredHash['kind']]: (stored: Extract<StoredHash, { kind: K }>) => T }

/** Applies the function of a hash's kind. */
export const byKind = <T>(table: ByKind<T>, stored: StoredHash): T =>
  (table[stored.kind] as (stored: StoredHash) => T)(stored)

/** The text that is stored for a hash: one form for each kind, whatever form it came in. */
export const writeHash = (stored: StoredHash): string => byKind(writers, stored)

const writers: ByKind<string> = {
  argon2: ({ text }) => text,
  bcrypt: ({ text }) => text,
  scrypt: ({ ln, r, p, ...rest }) => `$scrypt$ln=${ln},r=${r},p=${p}${tail(rest)}`,
  pbkdf2: ({ digest, iterations, ...rest }) => `$pbkdf2-${digest}$i=${iterations}${tail(rest)}`,
  firebase: ({ ln, r, signerKey, separator, ...rest }) =>
    `$firebase-scrypt$ln=${ln},r=${r},sk=${bare(signerKey)},ss=${bare(separator)}${tail(rest)}`,
  salted: ({ digest, hash, salt }) => `{${ldapNames[digest]}}${Buffer.concat([hash, salt]).toString('base64')}`,
  wrapped: ({ digest, salt, outer }) => `$kw-wrap$${digest}$${bare(salt)}${outer.text}`,
}

/** Length in bytes of one block of a digest. */
export const digestBytes: Readonly<Record<Digest, number>> = { sha1: 20, sha256: 32, sha512: 64 }

const ldapNames: Readonly<Record<Digest, string>> = { sha1: 'SSHA', sha256: 'SSHA256', sha512: 'SSHA512' }

/** Standard base64 without padding, as PHC strings have it. */
const bare = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '')

const tail = ({ salt, hash }: { salt: Buffer; hash: Buffer }): string => `$${bare(salt)}$${bare(hash)}`

/** Bytes of base64, padded or not, in the standard alphabet or that of URLs, or with the dots of passlib. Only one spelling is read. */
const bytesOf = (text: string, [least, most]: readonly [number, number]): Buffer | undefined => {
  const bytes = Buffer.from(text.replaceAll('.', '+'), 'base64')
  const standard = text.replaceAll('.', '+').replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '')
  return bare(bytes) === standard && bytes.length >= least && bytes.length <= most ? bytes : undefined
}

const saltBytes = [1, 128] as const
const hashBytes = [16, 64] as const

/** PHC, as RFC 9106 hashes are written everywhere. */
const argon2Form = String.raw`\$argon2(?:id|i)\$v=(?:16|19)\$m=([1-9]\d{0,9}),t=([1-9]\d{0,9}),p=([1-9]\d{0,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)`

const readArgon2 = (parts: readonly string[]): Argon2Hash | undefined => {
  const [text = '', memory, passes, lanes, salt = '', hash = ''] = parts
  // RFC 9106 §3.1: salts from 8 bytes on, tags from 4; shorter tags than ours are no proof.
  if (!bytesOf(salt, [8, 64]) || !bytesOf(hash, hashBytes)) return undefined
  const facts = { memoryKib: Number(memory), passes: Number(passes), lanes: Number(lanes) }
  return facts.memoryKib < 8 * facts.lanes ? undefined : { kind: 'argon2', text, ...facts }
}

const readWrapped = (parts: readonly string[]): StoredHash | undefined => {
  const [, digest, salt = '', text = ''] = parts
  const inner = bytesOf(salt, saltBytes)
  const outer = readArgon2(new RegExp(`^${argon2Form}$`).exec(text) ?? [])
  return inner && outer && { kind: 'wrapped', digest: digest as Digest, salt: inner, outer }
}

const readScrypt = (salt: Buffer | undefined, hash: Buffer | undefined, cost: readonly (string | undefined)[]) => {
  const [ln = 0, r = 0, p = 0] = cost.map(Number)
  return salt && hash && fitsBlock(ln, r) ? ({ kind: 'scrypt', ln, r, p, salt, hash } as const) : undefined
}

/** RFC 7914 §2: N is less than 2^(128 r / 8). With more there is no such hash, and computing it is an error. */
const fitsBlock = (ln: number, r: number): boolean => ln < 16 * r

/** `scrypt:N:r:p$salt$hash`: the salt is the text itself, the hash is hexadecimal, N is a power of two (RFC 7914 §2). */
const readWerkzeugScrypt = (parts: readonly string[]): StoredHash | undefined => {
  const [, n, r, p, salt = '', hash = ''] = parts
  const ln = Math.log2(Number(n))
  return Number.isInteger(ln) && ln > 0 ? readScrypt(Buffer.from(salt), hexOf(hash), [String(ln), r, p]) : undefined
}

const hexOf = (text: string): Buffer | undefined => {
  const bytes = Buffer.from(text, 'hex')
  return bytes.length >= hashBytes[0] && bytes.length <= hashBytes[1] ? bytes : undefined
}

const readPbkdf2 = (
  salt: Buffer | undefined,
  hash: Buffer | undefined,
  [digest = 'sha1', iterations]: readonly (string | undefined)[],
): StoredHash | undefined =>
  salt && hash && { kind: 'pbkdf2', digest: digest as Digest, iterations: Number(iterations), salt, hash }

const readFirebase = (parts: readonly string[]): StoredHash | undefined => {
  const [, ln, r, key = '', between = '', salt = '', hash = ''] = parts
  const [signerKey, separator] = [bytesOf(key, [16, 128]), bytesOf(between, [0, 64])]
  const [salted, hashed] = [bytesOf(salt, saltBytes), bytesOf(hash, [16, 128])]
  // The hash is the signer key, encrypted: it has the same length.
  if (!signerKey || !separator || !salted || hashed?.length !== signerKey.length) return undefined
  if (!fitsBlock(Number(ln), Number(r))) return undefined
  return { kind: 'firebase', ln: Number(ln), r: Number(r), signerKey, separator, salt: salted, hash: hashed }
}

const readSalted = (digest: Digest, text: string): StoredHash | undefined => {
  const size = digestBytes[digest]
  const bytes = bytesOf(text, [size + 4, size + 64])
  return bytes && { kind: 'salted', digest, salt: bytes.subarray(size), hash: bytes.subarray(0, size) }
}

const part = String.raw`([\w.+/=-]+)`
const count = String.raw`([1-9]\d{0,9})`
const small = String.raw`([1-9]\d{0,3})`

/** Each form with its reader. A text fits one of them at most. */
const readers: readonly Reader[] = [
  { form: new RegExp(`^${argon2Form}$`), read: readArgon2 },
  {
    // $2x marks hashes of an implementation that was broken; nobody can say which passwords fit them.
    // Salt and hash end with spare bits, which are zero: with others no password fits, and none is computed.
    form: /^\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]$/,
    read: ([text = '', cost]) => ({ kind: 'bcrypt', text, cost: Number(cost) }),
  },
  {
    form: new RegExp(`^\\$scrypt\\$ln=([1-9]\\d?),r=${small},p=${small}\\$${part}\\$${part}$`),
    read: ([, ln, r, p, salt = '', hash = '']) =>
      readScrypt(bytesOf(salt, saltBytes), bytesOf(hash, hashBytes), [ln, r, p]),
  },
  {
    form: new RegExp(`^scrypt:${count}:${small}:${small}\\$([^$\\s]{1,128})\\$((?:[0-9a-f]{2})+)$`),
    read: readWerkzeugScrypt,
  },
  {
    // PHC with `i=`, and passlib without; `pbkdf2` alone is SHA-1 there.
    form: new RegExp(`^\\$pbkdf2(?:-(sha1|sha256|sha512))?\\$(?:i=)?${count}(?:,l=\\d+)?\\$${part}\\$${part}$`),
    read: ([, digest, i, salt = '', hash = '']) =>
      readPbkdf2(bytesOf(salt, saltBytes), bytesOf(hash, hashBytes), [digest, i]),
  },
  {
    // Django: the salt is the text itself.
    form: new RegExp(`^pbkdf2_(sha1|sha256|sha512)\\$${count}\\$([^$\\s]{1,128})\\$${part}$`),
    read: ([, digest, i, salt = '', hash = '']) => readPbkdf2(Buffer.from(salt), bytesOf(hash, hashBytes), [digest, i]),
  },
  {
    form: new RegExp(`^pbkdf2:(sha1|sha256|sha512):${count}\\$([^$\\s]{1,128})\\$((?:[0-9a-f]{2})+)$`),
    read: ([, digest, i, salt = '', hash = '']) => readPbkdf2(Buffer.from(salt), hexOf(hash), [digest, i]),
  },
  {
    form: new RegExp(
      `^\\$firebase-scrypt\\$ln=([1-9]\\d?),r=${small},sk=${part},ss=([\\w.+/=-]*)\\$${part}\\$${part}$`,
    ),
    read: readFirebase,
  },
  { form: new RegExp(`^\\{SSHA\\}${part}$`, 'i'), read: ([, text = '']) => readSalted('sha1', text) },
  { form: new RegExp(`^\\{SSHA256\\}${part}$`, 'i'), read: ([, text = '']) => readSalted('sha256', text) },
  { form: new RegExp(`^\\{SSHA512\\}${part}$`, 'i'), read: ([, text = '']) => readSalted('sha512', text) },
  { form: /^\$kw-wrap\$(sha1|sha256|sha512)\$([\w+/]+)(\$argon2id\$.+)$/, read: readWrapped },
]
