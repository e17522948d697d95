/**
 * Both roads, one outcome (architecture rule 4): every case of refreshing runs on the fast road and on the careful one, at an
 * exact instant, on real SQL; answer and database must be the same, and be the right ones.
 */
import { randomBytes } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  after,
  askerOf,
  type Case,
  type Cast,
  castOf,
  essence,
  type FamilySetup,
  insertFamily,
  instant,
  ownerOf,
  resource,
  stateOf,
  tokenRequest,
} from '../../../test/support/grants.ts'
import type { Ctx } from '../../ctx.ts'
import { transact } from '../../db/transact.ts'
import { isDenial } from '../../protocol/errors.ts'
import { loadFamily, rotateFamily } from '../store.ts'
import { decide, refreshToken } from './refresh-token.ts'

let cast: Cast
let ctx: Ctx
beforeAll(async () => {
  cast = await castOf()
  ctx = cast.ctx
})

describe('refreshing', () => {
  const cases: Case[] = [
    { name: 'everything right', ends: 'rotate' },
    {
      name: 'offline, without its session',
      family: { offline: true },
      session: { ended_at: after(-1) },
      ends: 'rotate',
    },
    {
      name: 'a resource more than the client may have now',
      family: { resource: [resource, 'https://gone.example/'] },
      ends: 'rotate',
    },
    {
      name: 'a resource that the client may no longer have',
      family: { resource: ['https://gone.example/'] },
      ends: 'keep',
    },
    { name: 'a second before it was idle for too long', family: { idle_expires_at: after(1) }, ends: 'rotate' },
    { name: 'idle for too long', family: { idle_expires_at: instant }, ends: 'keep' },
    { name: 'a second before its absolute end', family: { expires_at: after(1) }, ends: 'rotate' },
    { name: 'at its absolute end', family: { expires_at: instant }, ends: 'keep' },
    { name: 'revoked', family: { revoked_at: after(-1), revoked_because: 'x' }, ends: 'keep' },
    { name: "another client's", asks: 'other', ends: 'keep' },
    { name: "another client's, and old", asks: 'other', gen: 2, ends: 'keep' },
    { name: 'another nonce', nonce: randomBytes(8), ends: 'keep' },
    { name: 'another nonce, and old', nonce: randomBytes(8), gen: 2, ends: 'keep' },
    { name: 'a generation that does not exist yet', gen: 6, ends: 'keep' },
    { name: 'the one before, 20 seconds later', gen: 4, ends: 'revoke' },
    {
      name: 'the one before, a second before the grace is over',
      gen: 4,
      family: { prev_used_at: after(-9) },
      ends: 'repeat',
    },
    { name: 'the one before, when the grace is over', gen: 4, family: { prev_used_at: after(-10) }, ends: 'revoke' },
    { name: 'the one before, a second after the grace', gen: 4, family: { prev_used_at: after(-11) }, ends: 'revoke' },
    {
      name: 'the one before, at once, without grace',
      gen: 4,
      family: { prev_used_at: instant },
      owner: 'strict',
      ends: 'revoke',
    },
    { name: 'the one before that, within the grace', gen: 3, family: { prev_used_at: after(-1) }, ends: 'revoke' },
    { name: 'the first one', gen: 1, ends: 'revoke' },
    { name: 'the first one of a revoked family', gen: 1, family: { revoked_at: after(-1) }, ends: 'keep' },
    { name: 'the first one of an expired family', gen: 1, family: { expires_at: after(-1) }, ends: 'revoke' },
    {
      name: 'the one before, in the grace, expired',
      gen: 4,
      family: { prev_used_at: after(-1), expires_at: instant },
      ends: 'keep',
    },
    { name: 'a disabled account', person: 'disabled', ends: 'keep' },
    { name: 'a locked account', person: 'locked', ends: 'keep' },
    { name: 'an account that is leaving', person: 'pending_erasure', ends: 'keep' },
    {
      name: 'a disabled account, in the grace',
      person: 'disabled',
      gen: 4,
      family: { prev_used_at: after(-1) },
      ends: 'keep',
    },
    { name: 'a session that was ended', session: { ended_at: after(-1) }, ends: 'keep' },
    {
      name: 'a session that was ended, in the grace',
      session: { ended_at: after(-1) },
      gen: 4,
      family: { prev_used_at: after(-1) },
      ends: 'keep',
    },
    { name: 'a session a second before its end', session: { expires_at: after(1) }, ends: 'rotate' },
    { name: 'a session at its end', session: { expires_at: instant }, ends: 'keep' },
    { name: 'offline, for a disabled account', person: 'disabled', family: { offline: true }, ends: 'keep' },
  ]
  const setUp = async (one: Case): Promise<FamilySetup> =>
    await insertFamily(ctx, ownerOf(cast, one), { family: one.family ?? {}, session: one.session ?? {} })

  it.each(cases)('$name: $ends', async (one) => {
    const client = await askerOf(cast, one)
    const run = async (road: Record<string, string>) => {
      const family = await setUp(one)
      const request = tokenRequest({ refresh_token: family.token(one.gen ?? 5, one.nonce), ...road }, instant)
      const result = await refreshToken.redeem(ctx, { request, client })
      return { result: essence(result), state: await stateOf(ctx, family.id, request.request_id) }
    }
    const fast = await run({})
    expect(await run({ resource: (one.family?.['resource'] as string[] | undefined)?.[0] ?? resource })).toEqual(fast)
    expect(await run({ scope: 'openid roles' })).toEqual(fast)
    expect(isDenial(fast.result)).toBe(one.ends === 'keep' || one.ends === 'revoke')
    const isReuse = one.ends === 'revoke'
    const [gen, prev_used_at] = one.ends === 'rotate' ? [6, instant] : [5, one.family?.['prev_used_at'] ?? after(-20)]
    expect(fast.state).toMatchObject({
      families: [{ gen, prev_used_at, revoked_at: isReuse ? instant : (one.family?.['revoked_at'] ?? null) }],
      revocations: isReuse ? [{ kind: 'family', not_before: instant }] : [],
      events: [
        ...(isReuse ? [{ type: 'refresh_token.reused', severity: 'alert', with_session: true }] : []),
        ...(isDenial(fast.result) ? [{ type: 'token.refused' }] : []),
      ],
    })
  })

  it.each(cases)('$name: the statement and the decision agree', async (one) => {
    const family = await setUp(one)
    const client = await askerOf(cast, one)
    const presented = { id: family.id, gen: one.gen ?? 5, nonce: one.nonce ?? family.nonce }
    const asked = {
      presented,
      client_id: client.client_id,
      now: instant,
      graceSeconds: client.refresh_grace_seconds ?? 10,
      scope: undefined,
      resources: [],
    }
    const decided = await transact(ctx.db, async (tx) =>
      decide(await loadFamily(tx, family.id, instant), asked, client),
    )
    expect(decided.outcome).toBe(one.ends)
    const before = await ctx.db`select * from refresh_families where id = ${family.id}`
    const row = await rotateFamily(ctx.db, {
      ...presented,
      client_id: client.client_id,
      client_resources: client.resources,
      now: instant,
      idle_expires_at: after(86_400),
    })
    expect(row !== undefined).toBe(one.ends === 'rotate')
    const rows = await ctx.db`select * from refresh_families where id = ${family.id}`
    // It never lives longer for being used: the absolute end holds.
    const afterUse = { gen: 6, prev_used_at: instant, idle_expires_at: before[0]?.['expires_at'] as Date }
    expect(rows).toEqual(before.map((known) => ({ ...known, ...(row && afterUse) })))
  })

  it('a family nobody has is kept from everybody on both roads', async () => {
    const family = await insertFamily(ctx, ownerOf(cast, { name: '', ends: '' }), {})
    await ctx.db`delete from refresh_families where id = ${family.id}`
    for (const road of [{}, { resource }]) {
      const request = tokenRequest({ refresh_token: family.token(5), ...road }, instant)
      expect(
        await refreshToken.redeem(ctx, { request, client: await askerOf(cast, { name: '', ends: '' }) }),
      ).toMatchObject({
        error: 'invalid_grant',
      })
    }
  })
})
