/**
 * Owns the figures of the library: verifications per second of one core, for each algorithm, with the memory of good
 * signatures and without, with the feed followed and a set of revocations. `node bench/sdk.ts [--seconds N] [--json]`.
 */
import { constants, createPublicKey, randomUUID, verify } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { createVerifier, type Verifier } from '../sdk/src/index.ts'

const audience = 'https://api.example'
const seconds = Number(process.argv[process.argv.indexOf('--seconds') + 1] || 2) || 2
/** As many tokens as an API sees at a time. */
const tokensEach = 500
const revocations = 10_000

type Signer = { alg: string; kid: string; privateKey: CryptoKey; jwk: JWK }

const makeSigner = async (alg: string): Promise<Signer> => {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const kid = randomUUID()
  return { alg, kid, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } }
}

/** An issuer with these keys, and a feed with as many revocations of others. */
const startIssuer = async (signers: Signer[]): Promise<{ issuer: string; close: () => void }> => {
  const server = createServer((request, response) => {
    const documents: Record<string, unknown> = {
      '/.well-known/openid-configuration': {
        issuer,
        jwks_uri: `${issuer}/jwks`,
        keywright_revocation_feed: `${issuer}/feed`,
      },
      '/jwks': { keys: signers.map(({ jwk }) => jwk) },
    }
    if (request.url === '/feed') return feed(response)
    response.setHeader('content-type', 'application/json')
    return response.end(JSON.stringify(documents[request.url ?? '']))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    issuer,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

const feed = (response: ServerResponse): void => {
  response.setHeader('content-type', 'text/event-stream')
  const begun = performance.now()
  const [not_before, expires_at] = [new Date(), new Date(Date.now() + 600_000)]
  for (let seq = 0; seq < revocations; seq += 1) {
    const kind = ['jti', 'user', 'session', 'family'][seq % 4]
    response.write(
      `event: revocation\ndata: ${JSON.stringify({ seq, kind, key: randomUUID(), not_before, expires_at })}\n\n`,
    )
  }
  const beat = (): unknown =>
    response.write(
      `event: heartbeat\nid: 1-1\ndata: ${JSON.stringify({ t: Math.floor(performance.now() - begun), age: 1 })}\n\n`,
    )
  beat()
  const timer = setInterval(beat, 100)
  response.on('close', () => clearInterval(timer))
}

const makeTokens = async (issuer: string, { alg, kid, privateKey }: Signer): Promise<string[]> => {
  const iat = Math.floor(Date.now() / 1000)
  const make = async (): Promise<string> => {
    const jti = `${Date.now()
      .toString(16)
      .padStart(12, '0')
      .replace(/^(.{8})/, '$1-')}-7${randomUUID().slice(15)}`
    const claims = {
      iss: issuer,
      sub: randomUUID(),
      aud: audience,
      exp: iat + 3600,
      iat,
      nbf: iat,
      jti,
      client_id: 'app',
    }
    const rest = {
      scope: 'read write',
      sid: randomUUID(),
      grant_id: randomUUID(),
      roles: ['editor'],
      permissions: ['orders:read'],
    }
    return await new SignJWT({ ...claims, ...rest }).setProtectedHeader({ alg, kid, typ: 'at+jwt' }).sign(privateKey)
  }
  return await Promise.all(Array.from({ length: tokensEach }, make))
}

/** Verifications for each second of CPU that this process used. */
const measure = async (verifier: Verifier, tokens: string[]): Promise<number> => {
  const run = async (until: number): Promise<number> => {
    let count = 0
    while (performance.now() < until) {
      for (const token of tokens) await verifier.verify(token, { scopes: ['read'], roles: ['editor'] })
      count += tokens.length
      // The feed wants to be heard in between.
      await new Promise((resolve) => setImmediate(resolve))
    }
    return count
  }
  await run(performance.now() + 300)
  const before = process.cpuUsage()
  const count = await run(performance.now() + seconds * 1000)
  const { user, system } = process.cpuUsage(before)
  return Math.round((count * 1_000_000) / (user + system))
}

/** What one core verifies when it does nothing else: the bar for everything above it. */
const limitOf = (token: string, { jwk, alg }: Signer): number => {
  const key = createPublicKey({ key: { ...jwk }, format: 'jwk' })
  const padding = { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
  const keys = { RS256: key, PS256: padding, ES256: { key, dsaEncoding: 'ieee-p1363' as const }, EdDSA: key }
  const cut = token.lastIndexOf('.')
  const [input, signature] = [Buffer.from(token.slice(0, cut)), Buffer.from(token.slice(cut + 1), 'base64url')]
  const before = process.cpuUsage()
  const rounds = 5000
  for (let round = 0; round < rounds; round += 1)
    verify(alg === 'EdDSA' ? null : 'sha256', input, keys[alg as keyof typeof keys], signature)
  const { user, system } = process.cpuUsage(before)
  return Math.round((rounds * 1_000_000) / (user + system))
}

const signers = await Promise.all(['RS256', 'PS256', 'ES256', 'EdDSA'].map(makeSigner))
const { issuer, close } = await startIssuer(signers)
const ways = [
  { name: 'each signature checked', signatureCache: 0 },
  { name: 'good signatures remembered', signatureCache: 1000 },
]
const table: Record<string, Record<string, number>> = {}
for (const { name, signatureCache } of ways) {
  const verifier = createVerifier({
    issuer,
    audience,
    credentials: { api_key: 'x' },
    onFeedLost: 'refuse',
    signatureCache,
  })
  await verifier.ready()
  for (const signer of signers) {
    const tokens = await makeTokens(issuer, signer)
    const limit = table[signer.alg]?.['node:crypto alone'] ?? limitOf(tokens[0] ?? '', signer)
    table[signer.alg] = { 'node:crypto alone': limit, ...table[signer.alg], [name]: await measure(verifier, tokens) }
  }
  verifier.close()
}
close()
console.log(`Verifications per second and core; the feed is followed and holds ${revocations} revocations.`)
if (process.argv.includes('--json')) console.log(JSON.stringify(table))
else console.table(table)
