/** What a verifier is told and asked for: demands (RFC 6750 §3.1, RFC 9470), settings, and what only the issuer knows. */
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { createVerifier, KeywrightError, type Verifier, type VerifierOptions } from '../src/index.ts'
import { opaque, refusalOf, verifierAt } from './support/refusal.ts'
import { audience, claimsFor, makeKey, sign, type SigningKey, type StandIn, startIssuer } from './support/stand-in.ts'

let key: SigningKey
let issuer: StandIn

beforeAll(async () => {
  key = await makeKey()
  issuer = await startIssuer([key])
})

const verifierOf = (options: Partial<VerifierOptions> = {}, place = issuer): Verifier => verifierAt(place, options)
const signed = async (more: Record<string, unknown>): Promise<string> => await sign(key, claimsFor(issuer.issuer, more))

describe('what it must carry', () => {
  const needs = [
    ['a scope', { scopes: ['read'] }, undefined],
    ['RFC 6750 §3.1: a scope it lacks', { scopes: ['read', 'admin'] }, 'insufficient_scope'],
    ['one of the roles', { roles: ['admin', 'editor'] }, undefined],
    ['another role', { roles: ['admin'] }, 'permission_denied'],
    ['a permission', { permissions: ['orders:read'] }, undefined],
    ['all permissions', { permissions: ['orders:read', 'orders:write'] }, 'permission_denied'],
    ['a sign-in of this hour', { maxAge: 3600 }, undefined],
    ['RFC 9470: a sign-in of this half minute', { maxAge: 30 }, 'insufficient_user_authentication'],
    ['a level', { acr: 'aal1' }, undefined],
    ['RFC 9470: a higher level', { acr: 'aal2' }, 'insufficient_user_authentication'],
    ['a level of others', { acr: 'urn:example:gold' }, 'insufficient_user_authentication'],
  ] as const
  it.each(needs)('%s', async (_, need, code) => {
    const result = verifierOf().verify(await signed({}), need)
    const said = code === undefined ? (await result).sub : (await refusalOf(result)).code
    expect(said).toBe(code ?? 'ada')
  })

  it('names what was missing in the challenge', async () => {
    const verifier = verifierOf()
    const token = await signed({})
    expect((await refusalOf(verifier.verify(token, { scopes: ['read', 'admin'] }))).www_authenticate).toBe(
      'Bearer error="insufficient_scope", error_description="The access token lacks a scope.", scope="read admin"',
    )
    expect((await refusalOf(verifier.verify(token, { acr: 'phr', maxAge: 0 }))).www_authenticate).toBe(
      'Bearer error="insufficient_user_authentication", error_description="A stronger sign-in is needed.", acr_values="phr", max_age="0"',
    )
  })
})

describe('what it is told', () => {
  const whole = { issuer: 'https://id.example', audience, credentials: { client_id: 'a', client_secret: 'b' } }
  it.each([
    ['http beyond this machine', { issuer: 'http://id.example' }],
    ['a final slash', { issuer: 'https://id.example/' }],
    ['no audience', { audience: [] }],
    ['an empty audience', { audience: '' }],
    ['no credentials for the feed', { credentials: undefined }],
    ['half credentials', { credentials: { client_id: 'a', client_secret: '' } }],
    ['introspection with an API key', { credentials: { api_key: 'kw_ak_x' } }],
    ['an algorithm with a secret', { algorithms: ['HS256'] }],
    ['no algorithm', { algorithms: [] }],
    ['another mode', { onFeedLost: 'ignore' }],
    ['a key cache beyond the promise', { apiKeyCacheSeconds: 3 }],
    ['a tolerance of hours', { clockToleranceSeconds: 7200 }],
  ])('%s: refused at the start', (_, wrong) => {
    const make = () => createVerifier({ ...whole, ...wrong } as VerifierOptions).close()
    expect(make).toThrow(KeywrightError)
    expect(make).toThrow(expect.objectContaining({ code: 'invalid_configuration', status: 500 }))
  })
})

describe('tokens that the issuer alone knows', () => {
  it('opaque ones are asked about, and held against the same rules', async () => {
    const verifier = verifierOf({ credentials: { client_id: 'api', client_secret: 'secret' } })
    const token = 'kw_at_00000f00000f00000fGVc3Ly'
    const made = opaque('at')
    expect((await refusalOf(verifier.verify(token))).reason).toBe('inactive')
    expect(issuer.count('/oauth/introspect')).toBe(0)
    expect((await refusalOf(verifier.verify(made))).reason).toBe('inactive')
    expect(issuer.count('/oauth/introspect')).toBe(1)
    issuer.active.set(made, claimsFor(issuer.issuer))
    expect((await verifier.verify(made, { roles: ['editor'] })).sub).toBe('ada')
    issuer.active.set(made, claimsFor(issuer.issuer, { aud: 'https://other.example' }))
    expect((await refusalOf(verifier.verify(made))).reason).toBe('audience')
    expect((await refusalOf(verifierOf().verify(made))).code).toBe('invalid_configuration')
  })

  it('API keys: asked about once a second at most, and never when they are none', async () => {
    const verifier = verifierOf({ credentials: { client_id: 'api', client_secret: 'secret' } })
    const made = opaque('ak')
    const asked = issuer.count('/oauth/introspect')
    for (const none of ['', 'kw_ak_', 'kw_ak_00000000000000000000', `${made}x`, opaque('at')])
      expect((await refusalOf(verifier.verifyApiKey(none))).code).toBe('invalid_token')
    expect(issuer.count('/oauth/introspect')).toBe(asked)
    issuer.active.set(made, { sub: 'ada', permissions: ['orders:read'], roles: [] })
    const auths = await Promise.all(Array.from({ length: 20 }, async () => await verifier.verifyApiKey(made)))
    expect(auths[0]).toMatchObject({ type: 'api_key', sub: 'ada', permissions: ['orders:read'], roles: [], scopes: [] })
    expect(issuer.count('/oauth/introspect')).toBe(asked + 1)
    issuer.active.set(made, { sub: 'ada', aud: 'https://other.example' })
    await sleep(1050)
    expect((await refusalOf(verifier.verifyApiKey(made))).reason).toBe('audience')
    issuer.active.delete(made)
    await sleep(1050)
    expect((await refusalOf(verifier.verifyApiKey(made))).reason).toBe('inactive')
    // A refusal is not kept.
    issuer.active.set(made, { sub: 'ada' })
    expect((await verifier.verifyApiKey(made)).sub).toBe('ada')
  })

  it('G-1: an issuer that is away, or refuses us, is no verdict', async () => {
    const place = await startIssuer([key])
    const verifier = verifierOf({ credentials: { client_id: 'api', client_secret: 'secret' } }, place)
    place.mode = 'down'
    expect((await refusalOf(verifier.verifyApiKey(opaque('ak')))).status).toBe(503)
  })
})
