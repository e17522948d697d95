/**
 * Owns the signing limit: how many signatures one core makes when it does nothing else. The rows that issue JWTs are
 * judged against it, because machines differ and this does not lie. Start reading at `measureSigning`.
 */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

/** Signatures per CPU second and core. */
export type SigningLimit = { RS256: number; ES256: number }

// As long as the signing input of our access tokens.
const input = Buffer.alloc(640, 'a')
const keys = {
  RS256: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  ES256: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey,
}

/** Measures both for this many CPU seconds each, on the main thread, with keys that are parsed once. */
export function measureSigning(seconds: number): SigningLimit {
  return { RS256: perSecond(keys.RS256, seconds), ES256: perSecond(keys.ES256, seconds) }
}

function perSecond(key: KeyObject, seconds: number): number {
  const started = process.cpuUsage()
  for (let signatures = 0; ; signatures += 50) {
    const used = process.cpuUsage(started)
    const spent = (used.user + used.system) / 1_000_000
    if (spent >= seconds) return signatures / spent
    for (let batch = 0; batch < 50; batch += 1) sign('sha256', input, key)
  }
}
