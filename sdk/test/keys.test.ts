/** The keys of the issuer: how often they are asked for, which count, and what happens without them (KY-2, G-1). */
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { createVerifier, type Verifier, type VerifierOptions } from '../src/index.ts'
import { refusalOf, verifierAt } from './support/refusal.ts'
import { audience, claimsFor, makeKey, sign, type SigningKey, type StandIn, startIssuer } from './support/stand-in.ts'

let key: SigningKey

beforeAll(async () => {
  key = await makeKey()
})

const verifierOf = (options: Partial<VerifierOptions>, place: StandIn): Verifier => verifierAt(place, options)

describe('the keys', () => {
  it('are read once, whoever asks at the same time, and again for one that is not there; G-1: a flood of unknown ones is not passed on', async () => {
    const place = await startIssuer([key])
    const verifier = verifierOf({ keysPauseSeconds: 1 }, place)
    const token = await sign(key, claimsFor(place.issuer))
    await Promise.all(Array.from({ length: 50 }, async () => await verifier.verify(token)))
    expect(place.count('/.well-known/jwks.json')).toBe(1)
    const foreign = await makeKey()
    const flood = await Promise.all(
      Array.from(
        { length: 200 },
        async (_, index) => await sign(foreign, claimsFor(place.issuer), { kid: `k${index}` }),
      ),
    )
    const reasons = await Promise.all(flood.map(async (one) => (await refusalOf(verifier.verify(one))).reason))
    expect(new Set(reasons)).toEqual(new Set(['unknown_key']))
    expect(place.count('/.well-known/jwks.json')).toBe(1)
    await sleep(1050)
    await Promise.all(flood.map(async (one) => await refusalOf(verifier.verify(one))))
    expect(place.count('/.well-known/jwks.json')).toBe(2)
    expect(place.count('/.well-known/openid-configuration')).toBe(1)
  })

  it('a new one is found by its first token', async () => {
    const place = await startIssuer([key])
    const verifier = verifierOf({ keysPauseSeconds: 0 }, place)
    await verifier.verify(await sign(key, claimsFor(place.issuer)))
    const next = await makeKey('ES256')
    place.keys.push(next.jwk)
    expect((await verifier.verify(await sign(next, claimsFor(place.issuer)))).sub).toBe('ada')
  })

  it('one that was withdrawn is gone with the next reading, for remembered signatures too', async () => {
    const place = await startIssuer([key])
    const verifier = verifierOf({ keysPauseSeconds: 0 }, place)
    const token = await sign(key, claimsFor(place.issuer))
    await verifier.verify(token)
    const next = await makeKey('ES256')
    place.keys.splice(0, 1, next.jwk)
    await verifier.verify(await sign(next, claimsFor(place.issuer)))
    expect((await refusalOf(verifier.verify(token))).reason).toBe('unknown_key')
    // Nor does another key take over the signatures of one of the same name.
    const twin = await makeKey('RS256', key.kid)
    place.keys.push(twin.jwk)
    for (let round = 0; round < 2; round += 1)
      expect((await refusalOf(verifier.verify(token))).reason).toBe('signature')
  })

  it.each([
    ['a secret one', async () => ({ kty: 'oct', k: 'c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0', alg: 'HS256', kid: 'x' })],
    ['one for encryption', async () => ({ ...(await makeKey()).jwk, use: 'enc' })],
    ['one without an algorithm', async () => ({ ...(await makeKey()).jwk, alg: undefined })],
    ['one of another type than its algorithm', async () => ({ ...(await makeKey()).jwk, alg: 'ES256' })],
  ])('%s is left out, and the others work', async (_, make) => {
    const odd = await make()
    const place = await startIssuer([key])
    place.keys.unshift(odd as (typeof place.keys)[number])
    const verifier = verifierOf({}, place)
    expect((await verifier.verify(await sign(key, claimsFor(place.issuer)))).sub).toBe('ada')
    const { reason } = await refusalOf(
      verifier.verify(await sign({ ...key, kid: String(odd.kid) }, claimsFor(place.issuer))),
    )
    expect(['unknown_key', 'algorithm']).toContain(reason)
  })

  it('G-1: where they cannot be read it is 503 and no verdict; where they were, it goes on', async () => {
    const place = await startIssuer([key])
    place.mode = 'down'
    const verifier = verifierOf({ keysPauseSeconds: 0 }, place)
    const token = await sign(key, claimsFor(place.issuer))
    const refusal = await refusalOf(verifier.verify(token))
    expect([refusal.code, refusal.status, refusal.reason]).toEqual([
      'temporarily_unavailable',
      503,
      'issuer_unreachable',
    ])
    expect(refusal.www_authenticate).toBeUndefined()
    place.mode = 'well'
    await verifier.verify(token)
    place.mode = 'down'
    expect((await verifier.verify(token)).sub).toBe('ada')
    const unknown = await sign(await makeKey(), claimsFor(place.issuer))
    expect((await refusalOf(verifier.verify(unknown))).code).toBe('temporarily_unavailable')
  })

  it('OpenID Connect Discovery §4.3: a document of another issuer is none', async () => {
    const place = await startIssuer([key])
    const localhost = place.issuer.replace('127.0.0.1', 'localhost')
    const verifier = createVerifier({ issuer: localhost, audience, revocations: false })
    const { code, reason } = await refusalOf(verifier.verify(await sign(key, claimsFor(localhost))))
    expect([code, reason]).toEqual(['temporarily_unavailable', 'issuer_refuses'])
  })
})
