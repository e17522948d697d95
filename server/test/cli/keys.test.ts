/** `keywright keys …` beside a running server: what it signs with, publishes and believes (security rules KY-1, KY-2). */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { refused } from '../support/cli.ts'
import type { TestClient } from '../support/fixtures.ts'
import { headerOf, type Oauth, openOauth } from '../support/oauth.ts'
import { type CliResult, cli } from '../support/server.ts'
import { temporaryFolder } from '../support/child.ts'

type Key = { kid: string; alg: string; status: string; activate_at: string; verify_until: string | null }
type Jwk = Record<string, string> & { kid: string; alg: string }

let oauth: Oauth
let folder: string
let api: TestClient

beforeAll(async () => {
  oauth = await openOauth({ env: { KEYWRIGHT_SIGNING_ALGS: 'RS256,ES256,EdDSA' } })
  folder = await temporaryFolder()
  api = await oauth.client({ type: 'machine', audiences: ['https://api.example'] })
})

const run = async (...args: string[]): Promise<CliResult> => await cli(['keys', ...args], { env: oauth.server.env })
const keys = async (): Promise<Key[]> => ((await run('list', '--json')).json as { keys: Key[] }).keys
const activeKid = async (alg: string): Promise<string> =>
  (await keys()).find((key) => key.alg === alg && key.status === 'active')?.kid ?? ''
const published = async (): Promise<Jwk[]> =>
  (await oauth.server.client().get('/.well-known/jwks.json')).json<{ keys: Jwk[] }>().keys
const publishedKids = async (): Promise<string[]> => (await published()).map(({ kid }) => kid)

/** A token of a new client that wants this algorithm. */
const tokenOf = async (alg: string): Promise<string> => {
  const client = await oauth.client({ type: 'machine', signing_alg: alg, resources: ['https://api.example'] })
  const reply = await oauth.token(client, { grant_type: 'client_credentials', resource: 'https://api.example' })
  return reply.json<{ access_token: string }>().access_token
}
const isActive = async (token: string): Promise<unknown> => (await oauth.introspect(api, token))['active']
/** Nodes are told of new keys at once; a second is more than that takes on a busy machine. */
const soon = { timeout: 2000, interval: 20 }

const pemOf = (key: KeyObject, name: string): string => {
  const path = join(folder, name)
  const type = key.type === 'private' ? 'pkcs8' : 'spki'
  writeFileSync(path, key.export({ type, format: 'pem' }))
  return path
}
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })

describe('keys list', () => {
  it('shows one active key for each algorithm, and nothing private', async () => {
    const listed = await run('list', '--json')
    expect((await keys()).map(({ alg, status }) => `${alg} ${status}`).toSorted()).toEqual([
      'ES256 active',
      'EdDSA active',
      'RS256 active',
    ])
    expect(listed.stdout).not.toMatch(/private|sealed|v1\.root/)
    expect((await run('list')).stdout).toMatch(/^KID +ALG +STATUS +SINCE +NEXT\n/)
  })
})

describe('keys rotate', () => {
  it('publishes a key that signs later, and does not make a second one', async () => {
    const before = await activeKid('EdDSA')
    const rotated = await run('rotate', '--alg', 'EdDSA', '--json')
    const [key] = (rotated.json as { keys: (Key & { made: boolean; signs_from: string })[] }).keys
    expect(key).toMatchObject({ alg: 'EdDSA', status: 'pending', made: true })
    expect(Date.parse(key?.signs_from ?? '') - Date.now()).toBeGreaterThan(86_000_000)
    await expect.poll(publishedKids, soon).toContain(key?.kid)
    expect(headerOf(await tokenOf('EdDSA'))['kid']).toBe(before)
    const again = await run('rotate', '--alg', 'EdDSA', '--json')
    expect(again.json).toMatchObject({ keys: [{ kid: key?.kid, made: false, status: 'pending' }] })
    expect((await keys()).filter(({ alg }) => alg === 'EdDSA')).toHaveLength(2)
    expect((await run('rotate', '--alg', 'EdDSA')).stdout).toMatch(/^EdDSA: \S+ was waiting already; it signs from /)
  })

  it('signs at once with --now; the old key still verifies', async () => {
    const [before, token] = [await activeKid('RS256'), await tokenOf('RS256')]
    const rotated = await run('rotate', '--alg', 'RS256', '--now', '--json')
    expect(rotated.json).toMatchObject({ keys: [{ alg: 'RS256', status: 'active', made: true, replaced: before }] })
    const after = await activeKid('RS256')
    expect(after).not.toBe(before)
    await expect.poll(async () => headerOf(await tokenOf('RS256'))['kid'], soon).toBe(after)
    expect(await isActive(token)).toBe(true)
    expect(await publishedKids()).toEqual(expect.arrayContaining([before, after]))
    const passive = (await keys()).find(({ kid }) => kid === before)
    expect(passive).toMatchObject({ status: 'passive', verify_until: expect.any(String) as string })
  })

  it('takes the waiting key with --now, and every algorithm without --alg', async () => {
    const waiting = (await keys()).find(({ status }) => status === 'pending')?.kid
    const rotated = (await run('rotate', '--now', '--json')).json as { keys: Key[] }
    expect(rotated.keys.map(({ alg }) => alg)).toEqual(['RS256', 'ES256', 'EdDSA'])
    expect(rotated.keys.find(({ alg }) => alg === 'EdDSA')).toMatchObject({
      kid: waiting,
      made: false,
      status: 'active',
    })
    const statuses = (await keys()).map(({ alg, status }) => `${alg} ${status}`)
    expect(statuses.filter((text) => text.endsWith('active'))).toHaveLength(3)
  })

  it('refuses an algorithm that is not switched on, and one that does not exist', async () => {
    expect(await run('rotate', '--alg', 'PS256')).toMatchObject(
      refused('PS256 is not switched on: KEYWRIGHT_SIGNING_ALGS is RS256,ES256,EdDSA.'),
    )
    expect(await run('rotate', '--alg', 'HS256')).toMatchObject({ code: 2 })
  })

  it('writes no key that the servers could not open: another root secret is refused (KY-1)', async () => {
    const before = await keys()
    const env = { ...oauth.server.env, KEYWRIGHT_ROOT_SECRET: 'quite another secret of the right length' }
    for (const args of [
      ['rotate', '--now'],
      ['compromise', before[0]?.kid ?? '', '--yes'],
      ['import', '--pem', pemOf(rsa.privateKey, 'any.pem')],
      ['export', '--public'],
    ]) {
      expect(await cli(['keys', ...args], { env })).toMatchObject(
        refused(
          'The keys of this database are sealed under another root secret: use the KEYWRIGHT_ROOT_SECRET of its servers.',
        ),
      )
    }
    expect(await keys()).toEqual(before)
  })
})

describe('keys compromise', () => {
  it('kills every token of the key at once, unpublishes it, and signs with another', async () => {
    const [kid, token] = [await activeKid('ES256'), await tokenOf('ES256')]
    expect(await isActive(token)).toBe(true)
    const asked = await run('compromise', kid)
    expect(asked).toMatchObject({ code: 2, stderr: 'keywright: This cannot be undone: say --yes.\n' })
    const done = await run('compromise', kid, '--yes', '--json')
    expect(done).toMatchObject({
      code: 0,
      json: { kid, alg: 'ES256', changed: true, replaced_by: expect.any(String) as string },
    })
    expect(await isActive(token)).toBe(false)
    await expect.poll(publishedKids, soon).not.toContain(kid)
    const { replaced_by } = done.json as { replaced_by: string }
    await expect.poll(async () => headerOf(await tokenOf('ES256'))['kid'], soon).toBe(replaced_by)
    expect(await isActive(await tokenOf('ES256'))).toBe(true)
    expect(await isActive(token)).toBe(false)
    const [row] = await oauth.db`select status, private_sealed from signing_keys where kid = ${kid}`
    expect(row).toEqual({ status: 'compromised', private_sealed: null })
    const revoked = await oauth.db`select 1 from revocations where kind = 'kid' and key = ${kid}`
    expect(revoked).toHaveLength(1)
    const events = await oauth.db<
      { severity: string }[]
    >`select severity from all_events where type = 'key.compromised' and data ->> 'kid' = ${kid}`
    expect(events).toEqual([{ severity: 'alert' }])
    expect(await run('compromise', kid, '--yes')).toMatchObject({
      code: 0,
      stdout: `${kid} was declared compromised before.\n`,
    })
    expect(await run('compromise', 'nosuch', '--yes')).toMatchObject(refused('There is no key nosuch.'))
  })

  it('takes a kid that begins with a dash as it is', async () => {
    expect(await run('compromise', '-hV9json', '--yes')).toMatchObject(refused('There is no key -hV9json.'))
    expect(await run('compromise')).toMatchObject({ code: 2 })
    expect(await run('compromise', 'one', 'two', '--yes')).toMatchObject({ code: 2 })
  })
})

describe('keys import', () => {
  it('keeps no private half of a passive key, publishes it, and lets it go in time', async () => {
    const imported = await run(
      'import',
      '--pem',
      pemOf(rsa.privateKey, 'old.pem'),
      '--kid',
      'old-2024',
      '--passive',
      '--verify-for',
      '7d',
      '--json',
    )
    expect(imported).toMatchObject({ code: 0, json: { kid: 'old-2024', alg: 'RS256', status: 'passive' } })
    const { verify_until } = imported.json as Key
    expect((Date.parse(verify_until ?? '') - Date.now()) / 86_400_000).toBeCloseTo(7, 2)
    const [row] = await oauth.db`select private_sealed, activated_at from signing_keys where kid = 'old-2024'`
    expect(row).toEqual({ private_sealed: null, activated_at: null })
    await expect.poll(publishedKids, soon).toContain('old-2024')
    const { n, e } = rsa.publicKey.export({ format: 'jwk' })
    expect((await published()).find(({ kid }) => kid === 'old-2024')).toEqual({
      kty: 'RSA',
      n,
      e,
      kid: 'old-2024',
      use: 'sig',
      alg: 'RS256',
    })
  })

  it('takes a public key for verifying only', async () => {
    const pem = pemOf(generateKeyPairSync('ed25519').publicKey, 'public.pem')
    const sentence = 'The file holds a public key only, which cannot sign: import it with --passive.'
    expect(await run('import', '--pem', pem)).toMatchObject(refused(sentence))
    expect(await run('import', '--pem', pem, '--passive', '--json')).toMatchObject({
      code: 0,
      json: { alg: 'EdDSA', status: 'passive' },
    })
  })

  it('publishes one that shall sign first, like a new key', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const imported = await run('import', '--pem', pemOf(privateKey, 'p256.pem'), '--json')
    expect(imported).toMatchObject({ code: 0, json: { alg: 'ES256', status: 'pending', verify_until: null } })
    const { kid } = imported.json as Key
    await expect.poll(publishedKids, soon).toContain(kid)
    await run('rotate', '--alg', 'ES256', '--now')
    await expect.poll(async () => headerOf(await tokenOf('ES256'))['kid'], soon).toBe(kid)
  })

  it('refuses what is weak, broken or taken, in one sentence (KY-2)', async () => {
    const weak = 'The key is too weak or of another kind: it must be RSA of at least 2048 bits, EC P-256, or Ed25519.'
    const old = pemOf(rsa.privateKey, 'taken.pem')
    const cases: [string[], string][] = [
      [['--pem', pemOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey, 'weak.pem')], weak],
      [['--pem', pemOf(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey, 'p384.pem'), '--passive'], weak],
      [['--pem', old, '--kid', 'old-2024'], 'There is a key old-2024 already.'],
      [['--pem', old, '--kid', 'two words'], 'A kid has 1 to 200 printable ASCII characters without spaces.'],
      [['--pem', old, '--alg', 'ES256'], 'This key is for RS256 or PS256, not for ES256.'],
      [['--pem', old, '--alg', 'PS256'], 'PS256 is not switched on: KEYWRIGHT_SIGNING_ALGS is RS256,ES256,EdDSA.'],
      [['--pem', join(folder, 'nosuch.pem')], `The file ${join(folder, 'nosuch.pem')} cannot be read (ENOENT).`],
    ]
    for (const [args, sentence] of cases) expect(await run('import', ...args)).toMatchObject(refused(sentence))
    expect(await run('import')).toMatchObject({ code: 2 })
    expect(await run('import', '--pem', old, '--verify-for', '1d')).toMatchObject({
      code: 2,
      stderr: 'keywright: --verify-for goes with --passive.\n',
    })
  })
})

describe('keys export', () => {
  it('prints the published set, and no private member', async () => {
    const exported = await run('export', '--public')
    expect((exported.json as { keys: Jwk[] }).keys).toEqual(await published())
    const members = new Set((exported.json as { keys: Jwk[] }).keys.flatMap((key) => Object.keys(key)))
    expect([...members].toSorted()).toEqual(['alg', 'crv', 'e', 'kid', 'kty', 'n', 'use', 'x', 'y'])
    expect(await run('export')).toMatchObject({
      code: 2,
      stderr: 'keywright: Private keys never leave the database: say --public.\n',
    })
  })
})
