// Owns the peer: oidc-provider 9 as somebody would run it in production, with the clients and people of the bench.
// It never runs in a test and is never part of Keywright. Its settings come from PEER_SETTINGS (JSON), see bench/peer.ts.
import { createServer } from 'node:http'
import { Algorithm, hash, verify } from '@node-rs/argon2'
import { Provider } from 'oidc-provider'
import postgres from 'postgres'
import { createAdapter, migrate } from './adapter.js'

const { port, database, pool, clients, users, keys, redirect_uri } = JSON.parse(process.env.PEER_SETTINGS)
const issuer = `http://127.0.0.1:${port}`
const resource = 'urn:bench:api'
const scopes = 'openid profile email read'
// The parameters of Keywright: 19 MiB, two passes, one lane.
const argon2id = { algorithm: Algorithm.Argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 }

const sql = postgres({ ...database, max: pool, onnotice: () => {} })
await migrate(sql)
const people = new Map(users.map(makePerson))
const provider = new Provider(issuer, configure())
const answer = provider.callback()
createServer((request, response) => {
  if (request.url.startsWith('/interaction/'))
    return void interact(request, response).catch((error) => fail(response, error))
  return void answer(request, response)
}).listen(port, '127.0.0.1')

function configure() {
  return {
    adapter: createAdapter(sql),
    clients: clients.map(describeClient),
    jwks: { keys },
    cookies: { keys: ['a key that signs the cookies of the bench'] },
    scopes: ['openid', 'profile', 'email', 'read'],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    findAccount: (_ctx, accountId) => people.get(accountId)?.account,
    loadExistingGrant,
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    pkce: { required: () => true },
    rotateRefreshToken: true,
    // Without this rule it gives refresh tokens only to clients that ask for offline_access; Keywright does not ask for it.
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    ttl: {
      AccessToken: 300,
      ClientCredentials: 300,
      IdToken: 300,
      AuthorizationCode: 60,
      RefreshToken: 1_209_600,
      Session: 86_400,
      Grant: 1_209_600,
      Interaction: 1800,
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: (_ctx, client) => (algOf(client) === 'opaque' ? undefined : resource),
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, _resource, client) => ({
          scope: 'read',
          audience: resource,
          accessTokenTTL: 300,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: algOf(client) } },
        }),
      },
    },
  }
}

/** Its JWT access tokens cannot be introspected, revoked or shown to its userinfo: for those rows a client has opaque ones. */
const algOf = (client) => clients.find((one) => one.client_id === client.clientId).alg

function describeClient({ client_id, client_secret, type, alg }) {
  const shared = { client_id, client_secret, token_endpoint_auth_method: 'client_secret_basic', scope: scopes }
  if (type === 'machine')
    return { ...shared, grant_types: ['client_credentials'], redirect_uris: [], response_types: [] }
  const id_token_signed_response_alg = alg === 'ES256' ? 'ES256' : 'RS256'
  return {
    ...shared,
    grant_types: ['authorization_code', 'refresh_token'],
    redirect_uris: [redirect_uri],
    id_token_signed_response_alg,
  }
}

/** No consent page for first-party clients: the recipe of its documentation. */
async function loadExistingGrant(ctx) {
  const { client, session, result } = ctx.oidc
  const grantId = result?.consent?.grantId ?? session.grantIdFor(client.clientId)
  if (grantId !== undefined) return await provider.Grant.find(grantId)
  const grant = new provider.Grant({ clientId: client.clientId, accountId: session.accountId })
  grant.addOIDCScope('openid profile email')
  if (algOf(client) !== 'opaque') grant.addResourceScope(resource, 'read')
  await grant.save()
  return grant
}

/** The hash is made at the first sign-in, so that the time it takes is not counted as the server's start. */
function makePerson({ email, password }) {
  const claims = { sub: email, name: 'Bench Person', email, email_verified: true }
  let password_hash
  const isRight = async (given) => {
    password_hash ??= await hash(password, argon2id)
    return await verify(password_hash, given)
  }
  return [email, { account: { accountId: email, claims: () => claims }, isRight }]
}

/** GET shows a plain form; POST checks the password and hands the person back to oidc-provider. */
async function interact(request, response) {
  const { uid, prompt } = await provider.interactionDetails(request, response)
  if (prompt.name !== 'login') throw new Error(`nobody expected the prompt ${prompt.name}`)
  if (request.method !== 'POST') return showForm(response, uid)
  const form = new URLSearchParams(await readBody(request))
  const person = people.get(form.get('login'))
  if (person === undefined || !(await person.isRight(form.get('password') ?? ''))) return showForm(response, uid, 401)
  const result = { login: { accountId: person.account.accountId, amr: ['pwd'] } }
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false })
}

function showForm(response, uid, status = 200) {
  const form = `<form method="post" action="/interaction/${uid}"><input name="login"><input name="password" type="password"><button>Sign in</button></form>`
  response
    .writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' })
    .end(`<!doctype html><title>Sign in</title>${form}`)
}

async function readBody(request) {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

function fail(response, error) {
  process.stderr.write(`${error.stack}\n`)
  response.writeHead(500).end()
}
