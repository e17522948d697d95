import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { isDenial } from '../protocol/errors.ts'
import { readKey } from './read-key.ts'

const pem = (key: KeyObject, options: { cipher?: string; passphrase?: string } = {}): string =>
  key.export({ type: key.type === 'private' ? 'pkcs8' : 'spki', format: 'pem', ...options }).toString()
const rsa = (modulusLength: number, publicExponent = 65_537) =>
  generateKeyPairSync('rsa', { modulusLength, publicExponent })
const weak = 'The key is too weak or of another kind: it must be RSA of at least 2048 bits, EC P-256, or Ed25519.'
const none = 'The file holds no key in PEM form.'

describe('readKey (KY-2)', () => {
  it.each([
    ['RSA 2048', rsa(2048), ['RS256', 'PS256']],
    ['RSA 3072', rsa(3072), ['RS256', 'PS256']],
    ['P-256', generateKeyPairSync('ec', { namedCurve: 'P-256' }), ['ES256']],
    ['Ed25519', generateKeyPairSync('ed25519'), ['EdDSA']],
  ])('takes %s, private or public', (_name, pair, algs) => {
    const read = readKey(pem(pair.privateKey))
    expect(read).toMatchObject({ algs, public_key: { type: 'public' }, private_key: { type: 'private' } })
    expect(readKey(pem(pair.publicKey))).toEqual({
      algs,
      public_key: expect.objectContaining({ type: 'public' }) as KeyObject,
    })
  })

  it('takes the older forms that OpenSSL writes (PKCS #1, SEC 1)', () => {
    const one = rsa(2048).privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
    const two = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      .privateKey.export({ type: 'sec1', format: 'pem' })
      .toString()
    expect([readKey(one), readKey(two)].map((read) => isDenial(read))).toEqual([false, false])
  })

  it.each([
    ['RSA 1024', pem(rsa(1024).privateKey), weak],
    ['RSA 2047', pem(rsa(2047).publicKey), weak],
    ['RSA with exponent 3', pem(rsa(2048, 3).privateKey), weak],
    ['P-384', pem(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey), weak],
    ['secp256k1', pem(generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey), weak],
    ['Ed448', pem(generateKeyPairSync('ed448').privateKey), weak],
    ['X25519', pem(generateKeyPairSync('x25519').publicKey), weak],
    ['RSA-PSS', pem(generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey), weak],
    ['nothing', '', none],
    ['another text', 'not a key', none],
    ['a cut file', pem(rsa(2048).privateKey).slice(0, 400), none],
  ])('refuses %s in one sentence', (_name, text, sentence) => {
    expect(readKey(text)).toMatchObject({ denied: true, error_description: sentence })
  })

  it('refuses a key with a passphrase, and says how to take it off', () => {
    const encrypted = pem(rsa(2048).privateKey, { cipher: 'aes-256-cbc', passphrase: 'x' })
    expect(readKey(encrypted)).toMatchObject({
      error_description: 'The key has a passphrase: take it off with `openssl pkey -in old.pem -out new.pem`.',
    })
  })

  it('refuses a key whose halves do not belong together', () => {
    const [one, other] = [rsa(2048), rsa(2048)].map(({ privateKey }) => privateKey.export({ format: 'jwk' }))
    const mixed = createPrivateKey({ key: { ...one, n: other?.n } as never, format: 'jwk' })
    expect(readKey(pem(mixed))).toMatchObject({
      error_description: 'The key is damaged: its private and its public half do not belong together.',
    })
  })
})
