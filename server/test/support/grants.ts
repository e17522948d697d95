/**
 * Owns the rows that a grant stands on (session, code, family), written as a test wants them, and a look at what became
 * of them: for tests that run a decision at an exact instant. Start reading at `castOf`.
 */
import { randomBytes } from 'node:crypto'
import { seedAccess } from '../../src/access/seed.ts'
import type { Ctx } from '../../src/ctx.ts'
import { transact } from '../../src/db/transact.ts'
import type { HttpRequest } from '../../src/http/request.ts'
import { secretBytes, uuidv7 } from '../../src/io/ids.ts'
import { isDenial } from '../../src/protocol/errors.ts'
import { hashToken, mintOpaque } from '../../src/protocol/opaque-token.ts'
import { mintRefreshToken } from '../../src/token/families.ts'
import type { Grant } from '../../src/token/grant.ts'
import { type Fixtures, fixtures, type TestClient } from './fixtures.ts'

/** The instant at which everything in these tests happens. */
export const instant = new Date('2026-06-01T12:00:00.000Z')
export const after = (seconds: number): Date => new Date(instant.getTime() + seconds * 1000)

export type Owner = { client_id: string; user_id: string }
type Row = Record<string, unknown>

const scope = 'openid roles'
export const resource = 'https://api.example/'

/** A session that lives for an hour yet. */
export const insertSession = async ({ db }: Ctx, user_id: string, change: Row = {}): Promise<string> => {
  const id = uuidv7(instant)
  const row = {
    id,
    token_hash: randomBytes(32),
    browser_id: id,
    user_id,
    auth_time: after(-100),
    amr: ['pwd'],
    acr: 'aal1',
    created_at: after(-100),
    last_seen_at: after(-100),
    idle_expires_at: after(3600),
    expires_at: after(3600),
    ...change,
  }
  await db`insert into sessions ${db(row as never)}`
  return id
}

export type CodeSetup = { code: string; grant_id: string; session_id: string }

/** A code of a live session, with one resource, that lives for a minute yet. */
export const insertCode = async (ctx: Ctx, owner: Owner, change: { code?: Row; session?: Row }): Promise<CodeSetup> => {
  const session_id = await insertSession(ctx, owner.user_id, change.session)
  const code = mintOpaque('ac', secretBytes())
  const grant_id = uuidv7(instant)
  const row = {
    code_hash: hashToken(code),
    ...owner,
    session_id,
    grant_id,
    redirect_uri: 'https://app.example/callback',
    redirect_uri_sent: true,
    scope,
    resource: [resource],
    nonce: 'n',
    code_challenge: null,
    auth_time: after(-100),
    acr: 'aal1',
    amr: ['pwd'],
    created_at: instant,
    expires_at: after(60),
    ...change.code,
  }
  await ctx.db`insert into authorization_codes ${ctx.db(row as never)}`
  return { code, grant_id, session_id }
}

export type FamilySetup = {
  id: string
  nonce: Buffer
  session_id: string
  token: (gen: number, nonce?: Buffer) => string
}

/** A family of generation 5, refreshed 20 seconds ago, that lives for an hour yet. */
export const insertFamily = async (
  ctx: Ctx,
  owner: Owner,
  change: { family?: Row; session?: Row },
): Promise<FamilySetup> => {
  const session_id = await insertSession(ctx, owner.user_id, change.session)
  const [id, nonce] = [uuidv7(instant), randomBytes(8)]
  const row = {
    id,
    ...owner,
    session_id,
    offline: false,
    scope,
    resource: [resource],
    auth_time: after(-100),
    acr: 'aal1',
    amr: ['pwd'],
    gen: 5,
    prev_used_at: after(-20),
    nonce,
    created_at: after(-100),
    idle_expires_at: after(3600),
    expires_at: after(3600),
    ...change.family,
  }
  await ctx.db`insert into refresh_families ${ctx.db(row as never)}`
  return { id, nonce, session_id, token: (gen, other = nonce) => mintRefreshToken(ctx, { id, gen, nonce: other }) }
}

/** A token request as the grants see it, made at `now`. */
export const tokenRequest = (form: Record<string, string | undefined>, now: Date): HttpRequest => ({
  method: 'POST',
  path: '/oauth/token',
  rawQuery: '',
  query: new Map(),
  form: new Map(Object.entries(form).flatMap(([name, value]) => (value === undefined ? [] : [[name, [value]]]))),
  json: undefined,
  pathParams: {},
  header: () => undefined,
  ip: '192.0.2.1',
  peer: '127.0.0.1',
  user_agent: 'tests',
  request_id: `request-${randomBytes(6).toString('hex')}`,
  now,
})

/** Everything in the database that a redemption could have changed, without what differs from one grant to the next. */
export const stateOf = async (ctx: Ctx, grant_id: string, request_id: string): Promise<unknown> => ({
  codes: await ctx.db`select used_at from authorization_codes where grant_id = ${grant_id}`,
  families: await ctx.db`
    select client_id, user_id, offline, scope, resource, auth_time, acr, amr, gen, prev_used_at, created_at, idle_expires_at, expires_at,
      revoked_at, revoked_because, octet_length(nonce) as nonce_length
    from refresh_families where id = ${grant_id}`,
  revocations: await ctx.db`select kind, not_before, expires_at from revocations where key = ${grant_id}`,
  events: await ctx.db`
    select type, at, severity, outcome, user_id, client_id, session_id is not null as with_session, ip, user_agent, data
    from all_events where request_id = ${request_id} order by type`,
})

/** Four accounts by status, four clients, all at one set of fixtures. */
export type Cast = {
  made: Fixtures
  ctx: Ctx
  web: TestClient
  other: TestClient
  oneShot: TestClient
  strict: TestClient
  people: Map<string, string>
}

export const castOf = async (): Promise<Cast> => {
  const made = await fixtures()
  const { ctx } = made
  await transact(ctx.db, seedAccess)
  const metadata = { resources: [resource] }
  const people = new Map<string, string>()
  for (const status of ['active', 'disabled', 'locked', 'pending_erasure']) {
    const { user_id } = await made.user({ roles: ['admin'] })
    await ctx.db`update users set status = ${status} where id = ${user_id}`
    people.set(status, user_id)
  }
  return {
    made,
    ctx,
    people,
    web: await made.client(metadata),
    other: await made.client(metadata),
    oneShot: await made.client({ ...metadata, grant_types: ['authorization_code'] }),
    strict: await made.client({ ...metadata, refresh_grace_seconds: 0 }),
  }
}

/** One case of a grant: what is different from a redemption that succeeds, and how it ends. */
export type Case = {
  name: string
  code?: Row
  family?: Row
  session?: Row
  person?: string
  /** Whose it is, and who asks. */
  owner?: keyof Pick<Cast, 'web' | 'other' | 'oneShot' | 'strict'>
  asks?: keyof Pick<Cast, 'web' | 'other' | 'oneShot' | 'strict'>
  now?: Date
  form?: Record<string, string | undefined>
  /** Generation and nonce that are presented; the family is at 5. */
  gen?: number
  nonce?: Buffer
  ends: string
}

export const ownerOf = (cast: Cast, { owner = 'web', person = 'active' }: Case): Owner => ({
  client_id: cast[owner].client_id,
  user_id: cast.people.get(person) ?? '',
})

export const askerOf = async (cast: Cast, one: Case) => {
  const client = await cast.ctx.clients.get(cast[one.asks ?? one.owner ?? 'web'].client_id)
  if (client === undefined) throw new Error('no client')
  return client
}

/** What came of it, without what differs from one grant to the next. */
export const essence = (result: Awaited<ReturnType<Grant['redeem']>>): unknown => {
  if (isDenial(result)) return { ...result, because: { ...result.because, expected: '', got: '' } }
  const { person, refresh, client, ...rest } = result
  return {
    ...rest,
    client_id: client.client_id,
    person: { ...person, grant_id: '', session_id: '' },
    gen: refresh?.gen,
  }
}
