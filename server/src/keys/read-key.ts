/**
 * Owns which keys may be brought in from outside (security rule KY-2): RSA of 2048 bits and more, P-256, Ed25519. Pure:
 * takes the text of a PEM file and stores nothing. Start reading at `readKey`.
 */
import { createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign, verify } from 'node:crypto'
import { type Denial, deny } from '../protocol/errors.ts'

/** A key from outside. `private_key` is there when the file held one. `algs` are what it can sign, the usual one first. */
export type ReadKey = { public_key: KeyObject; private_key?: KeyObject; algs: readonly string[] }

/** Reads a key in PEM form, private or public. Refuses, in one sentence, what is no key, too weak, or broken. */
export const readKey = (pem: string): ReadKey | Denial => {
  if (/ENCRYPTED/.test(pem))
    return refuse('The key has a passphrase: take it off with `openssl pkey -in old.pem -out new.pem`.', 'encrypted')
  const key = parse(pem)
  if (key === undefined) return refuse('The file holds no key in PEM form.', 'something else')
  const algs = algsOf(key)
  if (algs.length === 0)
    return refuse(
      'The key is too weak or of another kind: it must be RSA of at least 2048 bits, EC P-256, or Ed25519.',
      kindOf(key),
    )
  if (key.type === 'public') return { public_key: key, algs }
  const public_key = createPublicKey(key)
  return fits(key, public_key)
    ? { public_key, private_key: key, algs }
    : refuse('The key is damaged: its private and its public half do not belong together.', 'two halves')
}

const parse = (pem: string): KeyObject | undefined => {
  for (const create of [createPrivateKey, createPublicKey]) {
    try {
      return create(pem)
    } catch {
      // Not this kind; what is neither is refused by the caller.
    }
  }
  return undefined
}

/** RFC 7518 §3.3 and §3.5 ask for 2048 bits or more; an exponent below 65537 is refused by NIST SP 800-56B §6.2. */
const algsOf = ({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): string[] => {
  const isStrong = (details?.modulusLength ?? 0) >= 2048 && (details?.publicExponent ?? 0n) >= 65_537n
  if (type === 'rsa') return isStrong ? ['RS256', 'PS256'] : []
  if (type === 'ec') return details?.namedCurve === 'prime256v1' ? ['ES256'] : []
  return type === 'ed25519' ? ['EdDSA'] : []
}

const kindOf = ({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): string =>
  [type, details?.modulusLength, details?.namedCurve].filter((part) => part !== undefined).join(' ')

const fits = (private_key: KeyObject, public_key: KeyObject): boolean => {
  const digest = private_key.asymmetricKeyType === 'ed25519' ? null : 'sha256'
  const probe = randomBytes(32)
  try {
    return verify(digest, probe, public_key, sign(digest, probe, private_key))
  } catch {
    return false
  }
}

const refuse = (sentence: string, got: string): Denial =>
  deny('invalid_key', sentence, {
    rule: 'an imported key is strong (KY-2)',
    expected: 'RSA of at least 2048 bits, EC P-256, or Ed25519, in PEM form',
    got,
  })
