/**
 * Both roads, one outcome (architecture rule 4): every case of the code exchange runs on the fast road and on the careful one, at an
 * exact instant, on real SQL; answer and database must be the same, and be the right ones.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import {
  after,
  askerOf,
  type Case,
  type Cast,
  castOf,
  essence,
  insertCode,
  instant,
  ownerOf,
  resource,
  stateOf,
  tokenRequest,
} from '../../../test/support/grants.ts'
import { consumeCode, loadCode } from '../../authorize/codes.ts'
import type { Ctx } from '../../ctx.ts'
import { transact } from '../../db/transact.ts'
import { newNonce } from '../families.ts'
import { isDenial } from '../../protocol/errors.ts'
import { hashToken } from '../../protocol/opaque-token.ts'
import { challengeOf } from '../../protocol/pkce.ts'
import { authorizationCode, decide } from './authorization-code.ts'

let cast: Cast
let ctx: Ctx
beforeAll(async () => {
  cast = await castOf()
  ctx = cast.ctx
})

const verifier = 'A'.repeat(43)
const challenge = challengeOf(verifier) ?? ''
const callback = 'https://app.example/callback'
const gone = 'https://gone.example/'

describe('the code exchange', () => {
  const cases: Case[] = [
    { name: 'everything right', ends: 'grant' },
    { name: 'a client that may not refresh', owner: 'oneShot', ends: 'grant' },
    { name: 'a resource more than the client may have now', code: { resource: [resource, gone] }, ends: 'grant' },
    { name: 'a resource that the client may no longer have', code: { resource: [gone] }, ends: 'keep' },
    { name: 'offline_access', code: { scope: 'openid offline_access' }, ends: 'grant' },
    {
      name: 'no challenge and no verifier',
      code: { code_challenge: null },
      form: { code_verifier: undefined },
      ends: 'grant',
    },
    {
      name: 'no redirect_uri where none was sent',
      code: { redirect_uri_sent: false },
      form: { redirect_uri: undefined },
      ends: 'grant',
    },
    { name: 'the redirect_uri where none was sent', code: { redirect_uri_sent: false }, ends: 'grant' },
    { name: 'a second before it expires', now: after(59), ends: 'grant' },
    { name: 'at the instant it expires', now: after(60), ends: 'keep' },
    { name: 'a second after it expired', now: after(61), ends: 'keep' },
    { name: 'a code nobody issued', form: { code: 'unknown' }, ends: 'keep' },
    { name: "another client's", asks: 'other', ends: 'keep' },
    { name: 'another redirect_uri', form: { redirect_uri: `${callback}/` }, ends: 'burn' },
    { name: 'no redirect_uri', form: { redirect_uri: undefined }, ends: 'burn' },
    {
      name: 'another redirect_uri where none was sent',
      code: { redirect_uri_sent: false },
      form: { redirect_uri: `${callback}/` },
      ends: 'burn',
    },
    { name: 'another verifier', form: { code_verifier: 'B'.repeat(43) }, ends: 'burn' },
    { name: 'no verifier', form: { code_verifier: undefined }, ends: 'burn' },
    { name: 'a malformed verifier', form: { code_verifier: 'A' }, ends: 'burn' },
    { name: 'a verifier without a challenge', code: { code_challenge: null }, ends: 'burn' },
    { name: 'another verifier, expired', form: { code_verifier: 'B'.repeat(43) }, now: after(61), ends: 'burn' },
    { name: 'a second use, fully valid', code: { used_at: after(-1) }, ends: 'revoke' },
    { name: 'a second use, fully valid, long after', code: { used_at: after(-1) }, now: after(3000), ends: 'revoke' },
    {
      name: 'a second use with another verifier',
      code: { used_at: after(-1) },
      form: { code_verifier: 'B'.repeat(43) },
      ends: 'keep',
    },
    {
      name: 'a second use without redirect_uri',
      code: { used_at: after(-1) },
      form: { redirect_uri: undefined },
      ends: 'keep',
    },
    { name: 'a second use by another client', code: { used_at: after(-1) }, asks: 'other', ends: 'keep' },
    { name: 'a disabled account', person: 'disabled', ends: 'keep' },
    { name: 'a locked account', person: 'locked', ends: 'keep' },
    { name: 'an account that is leaving', person: 'pending_erasure', ends: 'keep' },
    { name: 'a session that was ended', session: { ended_at: after(-1) }, ends: 'keep' },
    { name: 'a session a second before its end', session: { expires_at: after(1) }, ends: 'grant' },
    { name: 'a session at its end', session: { expires_at: instant }, ends: 'keep' },
    {
      name: 'offline_access, and a session that was ended',
      code: { scope: 'openid offline_access' },
      session: { ended_at: after(-1) },
      ends: 'keep',
    },
  ]

  const setUp = async (one: Case) => {
    const setup = await insertCode(ctx, ownerOf(cast, one), {
      code: { code_challenge: challenge, ...one.code },
      session: one.session ?? {},
    })
    const unknown = one.form?.['code'] === undefined ? setup.code : (await insertCode(ctx, ownerOf(cast, one), {})).code
    if (unknown !== setup.code) await ctx.db`delete from authorization_codes where code_hash = ${hashToken(unknown)}`
    const form = { redirect_uri: callback, code_verifier: verifier, ...one.form, code: unknown }
    return { ...setup, form }
  }

  it.each(cases)('$name: $ends', async (one) => {
    const client = await askerOf(cast, one)
    const now = one.now ?? instant
    const run = async (road: Record<string, string>) => {
      const { grant_id, form } = await setUp(one)
      const request = tokenRequest({ ...form, ...road }, now)
      const result = await authorizationCode.redeem(ctx, { request, client })
      return { result: essence(result), state: await stateOf(ctx, grant_id, request.request_id) }
    }
    const fast = await run({})
    // To ask for the resource of the code changes nothing, but takes the careful road.
    const careful = await run({ resource: (one.code?.['resource'] as string[] | undefined)?.[0] ?? resource })
    expect(careful).toEqual(fast)
    expect(isDenial(fast.result)).toBe(one.ends !== 'grant')
  })

  it.each(cases)('$name: the statement and the decision agree', async (one) => {
    const { form, grant_id } = await setUp(one)
    const sent: Record<string, string | undefined> = form
    const client = await askerOf(cast, one)
    const now = one.now ?? instant
    const code_hash = hashToken(form.code)
    const asked = {
      code_hash,
      redirect_uri: sent['redirect_uri'],
      code_verifier: sent['code_verifier'],
      client_id: client.client_id,
      resources: [],
      now,
    }
    const decided = await transact(ctx.db, async (tx) => decide(await loadCode(tx, code_hash, now), asked, client))
    expect(decided.outcome).toBe(one.ends)
    const code_challenge = asked.code_verifier === undefined ? null : challengeOf(asked.code_verifier)
    if (code_challenge === undefined) return
    const request_id = `direct-${grant_id}`
    const row = await consumeCode(ctx.db, {
      code_hash,
      client_id: client.client_id,
      client_resources: client.resources,
      redirect_uri: asked.redirect_uri ?? null,
      code_challenge,
      now,
      family: { nonce: newNonce(), idle_expires_at: after(100), expires_at: after(200) },
      event: { type: 'token.issued', now, request_id },
    })
    expect(row !== undefined).toBe(one.ends === 'grant')
    const before = one.code?.['used_at'] ?? null
    const used = await ctx.db`select used_at from authorization_codes where grant_id = ${grant_id}`
    expect(used).toEqual([{ used_at: row === undefined ? before : now }])
    expect(await ctx.db`select 1 from refresh_families where id = ${grant_id}`).toHaveLength(row === undefined ? 0 : 1)
    expect(await ctx.db`select 1 from all_events where request_id = ${request_id}`).toHaveLength(
      row === undefined ? 0 : 1,
    )
  })

  it('leaves behind what the outcome says: spent, burnt, kept, or revoked with an alert', async () => {
    const run = async (name: string) => {
      const one = cases.find((known) => known.name === name)
      if (one === undefined) throw new Error(name)
      const { grant_id, form } = await setUp(one)
      await ctx.db`insert into refresh_families select ${grant_id}::uuid, ${cast.web.client_id}, user_id, session_id, true, scope, resource, auth_time, acr, amr, 1, null, '\\x00', created_at, expires_at, expires_at
        from authorization_codes where grant_id = ${grant_id} and used_at is not null`
      const request = tokenRequest(form, instant)
      await authorizationCode.redeem(ctx, { request, client: await askerOf(cast, one) })
      return await stateOf(ctx, grant_id, request.request_id)
    }
    expect(await run('everything right')).toMatchObject({
      codes: [{ used_at: instant }],
      families: [
        {
          gen: 1,
          offline: false,
          revoked_at: null,
          idle_expires_at: after(14 * 86_400),
          expires_at: after(90 * 86_400),
          nonce_length: 8,
        },
      ],
      revocations: [],
      events: [{ type: 'token.issued', with_session: true, data: { grant_type: 'authorization_code' } }],
    })
    expect(await run('another verifier')).toMatchObject({
      codes: [{ used_at: instant }],
      families: [],
      revocations: [],
      events: [{ type: 'token.refused' }],
    })
    expect(await run("another client's")).toMatchObject({
      codes: [{ used_at: null }],
      families: [],
      events: [{ type: 'token.refused' }],
    })
    expect(await run('a second use, fully valid')).toMatchObject({
      families: [{ revoked_at: instant, revoked_because: 'code replayed' }],
      revocations: [{ kind: 'family', not_before: instant, expires_at: after(3660) }],
      events: [{ type: 'code.replayed', severity: 'alert' }, { type: 'token.refused' }],
    })
  })
})
