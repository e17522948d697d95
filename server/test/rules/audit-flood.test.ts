/**
 * What somebody without credentials can write into the audit trail: ten refusals a minute for each client and address, then one
 * event that counts the rest. What has an effect is always written (security rule AU-1).
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { followers } from '../../src/app.ts'
import { sequenceEvents } from '../../src/events/sequence.ts'
import type { TestClient } from '../support/fixtures.ts'
import { type InProcess, startInProcess } from '../support/in-process.ts'

let home: InProcess
beforeAll(async () => {
  home = await startInProcess({ KEYWRIGHT_LIMITS: 'on' })
})

type Row = { type: string; data: Record<string, unknown>; ip: string | null }
const rowsOf = async (client: TestClient, type: string): Promise<Row[]> =>
  await home.db<Row[]>`
    select type, data, ip from all_events where client_id = ${client.client_id} and type = ${type} order by id`
const many = async (count: number, work: () => Promise<unknown>): Promise<void> => {
  for (let n = 0; n < count; n += 1) await work()
}
const flush = async (): Promise<void> => await home.ctx.flood.flush(home.ctx.db, home.ctx.now())

describe('AU-1: a flood of refusals', () => {
  it('of unknown codes: ten are written, the rest is counted once, and the statistics know of all', async () => {
    const client = await home.client({ type: 'spa' })
    const wrong = { grant_type: 'authorization_code', code: 'kw_ac_x', code_verifier: 'v'.repeat(43) }
    await many(25, async () => await home.token(client, { ...wrong, redirect_uri: client.redirect_uri }))
    await flush()
    expect(await rowsOf(client, 'token.refused')).toHaveLength(10)
    home.pass(60)
    await home.token(client, wrong)
    await flush()
    const rows = await rowsOf(client, 'token.refused')
    expect(rows).toHaveLength(12)
    const told = rows.filter(({ data }) => data['summary'] === true)
    expect(told).toMatchObject([{ ip: expect.any(String) as unknown, data: { count: 15 } }])
    await sequenceEvents(home.ctx, followers)
    expect(
      await home.db`select sum(count)::int as count from event_days where client_id = ${client.client_id} and type = 'token.refused'`,
    ).toEqual([{ count: 26 }])
    home.pass(60)
    await flush()
    expect(await rowsOf(client, 'token.refused')).toHaveLength(12)
  })

  it('of wrong secrets: the same', async () => {
    const client = await home.client({ type: 'machine' })
    const other = { ...client, client_secret: 'wrong' }
    await many(13, async () => await home.token(other, { grant_type: 'client_credentials' }))
    home.pass(60)
    await flush()
    const rows = await rowsOf(client, 'client.authentication_failed')
    expect(rows).toHaveLength(11)
    expect(rows.at(-1)).toMatchObject({ data: { summary: true, count: 3 } })
  })

  it('hides no code that is burnt, no replay and no reuse', async () => {
    const person = await home.person()
    const client = await home.client({ type: 'spa' })
    await many(12, async () => await home.token(client, { grant_type: 'refresh_token', refresh_token: 'kw_rt_x' }))
    expect(await rowsOf(client, 'token.refused')).toHaveLength(10)
    const burnt = await home.code(person, client)
    await home.redeem(client, { ...burnt, code_verifier: 'w'.repeat(43) })
    expect(await rowsOf(client, 'token.refused')).toHaveLength(11)
    const used = await home.code(person, client)
    for (const status of [200, 400]) expect((await home.redeem(client, used)).status).toBe(status)
    expect(await rowsOf(client, 'token.refused')).toHaveLength(12)
    expect(await rowsOf(client, 'code.replayed')).toHaveLength(1)
  })

  it('a database that is away costs no count', async () => {
    const client = await home.client({ type: 'spa' })
    await many(11, async () => await home.token(client, { grant_type: 'refresh_token', refresh_token: 'kw_rt_x' }))
    home.pass(60)
    const away = ((first: object) =>
      'raw' in first ? Promise.reject(new Error('away')) : first) as unknown as typeof home.db
    await expect(home.ctx.flood.flush(away, home.ctx.now())).rejects.toThrow()
    await flush()
    expect((await rowsOf(client, 'token.refused')).at(-1)).toMatchObject({ data: { count: 1 } })
  })
})
