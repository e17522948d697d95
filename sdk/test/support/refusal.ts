/** Owns what tests ask a verifier for: one of an issuer, and what it refuses with. */
import { mintOpaque } from '../../../server/src/protocol/opaque-token.ts'
import { createVerifier, KeywrightError, type Verifier, type VerifierOptions } from '../../src/index.ts'
import { audience, jtiAt, type StandIn } from './stand-in.ts'

/** A verifier without the feed, unless said otherwise. */
export const verifierAt = (place: StandIn, options: Partial<VerifierOptions> = {}): Verifier =>
  createVerifier({ issuer: place.issuer, audience, revocations: false, ...options })

/** What a promise is refused with; throws when it is not. */
export const refusalOf = async (work: Promise<unknown>): Promise<KeywrightError> => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof KeywrightError)) throw new Error(`not refused by the library: ${String(error)}`)
  return error
}

/** A value with the right form and checksum, another one at each call. */
export const opaque = (type: 'at' | 'ak'): string =>
  mintOpaque(type, Buffer.from(jtiAt(Date.now()).replaceAll('-', ''), 'hex'))
