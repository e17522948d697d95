/**
 * Owns what follows from the root secret: keys for each use by HKDF with a label of its own (security design 3.1), and
 * the sealing of secrets at rest with AES-256-GCM, bound to the place where they lie (KY-1).
 */
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'

/** One label for each use; a key of one use never serves another. */
export type Label =
  | 'csrf'
  | 'refresh'
  | 'throttle'
  | 'seal'
  | 'address'
  | 'code'
  | 'passkey'
  | 'outbox'
  | 'cursor'
  | 'audit'

export type Secrets = {
  /** HMAC-SHA256 with the key of this use. */
  mac: (label: Label, ...parts: (string | Uint8Array)[]) => Buffer
  /** Encrypts; `place` is deployment|table|column|row and must be named again to decrypt. Format v1.kid.nonce.ciphertext.tag, base64url. */
  seal: (plain: string, place: string, label?: 'seal' | 'cursor') => string
  /** Decrypts. Throws when the value was altered, moved to another place, or sealed under another root secret. */
  open: (sealed: string, place: string, label?: 'seal' | 'cursor') => string
}

/** Derives everything from the root secret; the deployment's id is the salt, so that two deployments never share a key. */
export const createSecrets = (rootSecret: string, deployment: string): Secrets => {
  // As key objects: taking in bytes anew for each MAC costs five times the MAC.
  const keys = new Map<Label, KeyObject>()
  const keyOf = (label: Label): KeyObject => {
    const known = keys.get(label)
    if (known) return known
    const key = createSecretKey(Buffer.from(hkdfSync('sha256', rootSecret, deployment, `keywright/${label}/v1`, 32)))
    keys.set(label, key)
    return key
  }
  return {
    mac: (label, ...parts) => {
      const mac = createHmac('sha256', keyOf(label))
      // A length before each part keeps ("ab","c") and ("a","bc") apart.
      for (const part of parts) mac.update(`${Buffer.byteLength(part)}:`).update(part)
      return mac.digest()
    },
    seal: (plain, place, label = 'seal') => seal(keyOf(label), plain, place),
    open: (sealed, place, label = 'seal') => open(keyOf(label), sealed, place),
  }
}

const seal = (key: KeyObject, plain: string, place: string): string => {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(place))
  const ciphertext = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()])
  const parts = [nonce, ciphertext, cipher.getAuthTag()].map((part) => part.toString('base64url'))
  return ['v1', 'root', ...parts].join('.')
}

const open = (key: KeyObject, sealed: string, place: string): string => {
  const [version, kid, nonce, ciphertext, tag] = sealed.split('.')
  if (version !== 'v1' || kid !== 'root' || !nonce || ciphertext === undefined || !tag)
    throw new Error('sealed value has an unknown form')
  const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(nonce, 'base64url'), { authTagLength: 16 })
  decipher.setAAD(Buffer.from(place)).setAuthTag(Buffer.from(tag, 'base64url'))
  return decipher.update(Buffer.from(ciphertext, 'base64url'), undefined, 'utf8') + decipher.final('utf8')
}

/** Compares two secrets in constant time. Different lengths are told apart at once: lengths are no secret. */
export const sameBytes = (one: Uint8Array, other: Uint8Array): boolean =>
  one.length === other.length && timingSafeEqual(one, other)
