/** The two spellings of a P-256 signature, against what OpenSSL writes and what the other way round gives (RFC 7518 §3.4). */
import { generateKeyPairSync, sign, verify } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ecdsaDerToRaw, ecdsaRawToDer } from './ecdsa.ts'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const half = fc.uint8Array({ minLength: 32, maxLength: 32 })

describe('r‖s', () => {
  it('is 64 bytes that verify as IEEE P1363', () => {
    for (let round = 0; round < 200; round += 1) {
      const data = Buffer.from(`message ${round}`)
      const raw = ecdsaDerToRaw(sign('sha256', data, privateKey))
      expect(raw).toHaveLength(64)
      expect(verify('sha256', data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, raw)).toBe(true)
    }
  })

  it('becomes DER that OpenSSL verifies', () => {
    for (let round = 0; round < 200; round += 1) {
      const data = Buffer.from(`message ${round}`)
      const raw = sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' })
      expect(verify('sha256', data, publicKey, ecdsaRawToDer(raw))).toBe(true)
    }
  })

  it('survives the way there and back, leading zeros and high bits included', () => {
    fc.assert(
      fc.property(half, half, (r, s) => {
        const raw = Buffer.concat([r, s])
        expect(ecdsaDerToRaw(ecdsaRawToDer(raw)).equals(raw)).toBe(true)
      }),
    )
  })

  it.each([
    ['zeros', Buffer.alloc(64), '3006020100020100'],
    [
      'one and one',
      Buffer.concat([Buffer.alloc(31), Buffer.of(1), Buffer.alloc(31), Buffer.of(1)]),
      '3006020101020101',
    ],
    [
      'a high bit, which needs a zero before it',
      Buffer.concat([Buffer.alloc(31), Buffer.of(0x80), Buffer.alloc(31), Buffer.of(0x7f)]),
      '30070202008002017f',
    ],
  ])('%s has one DER form', (_name, raw, der) => {
    expect(ecdsaRawToDer(raw).toString('hex')).toBe(der)
  })
})
