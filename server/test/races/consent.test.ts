/**
 * A consent that is withdrawn in the very moment in which something is given for it (security rule AZ-13, promise I2): the
 * order of the two is forced by holding the table that both write last, so that each test is the race, every time.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, expect, it } from 'vitest'
import type { Tx } from '../../src/db/connect.ts'
import { hashToken } from '../../src/protocol/opaque-token.ts'
import {
  answerOf,
  type App,
  ask,
  expectCode,
  type House,
  obtain,
  openHouse,
  type Person,
  redeem,
} from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { basic, expectRefusal } from '../support/oauth.ts'

let house: House
let app: App

beforeAll(async () => {
  house = await openHouse()
  app = await house.app({ scope: 'openid offline_access' })
})

type Hold = (tx: Tx) => Promise<unknown>

/** Starts `first`, lets it run into what is held, starts `second` behind it, and lets both go as if nothing had been held. */
const inOrder = async <A, B>(hold: Hold, first: () => Promise<A>, second: () => Promise<B>): Promise<[A, B]> => {
  const started: Promise<unknown>[] = []
  const letGo = new Error('let go')
  const held = house.sql.begin(async (tx) => {
    await hold(tx)
    started.push(first())
    await sleep(300)
    started.push(second())
    await sleep(300)
    throw letGo
  })
  await expect(held).rejects.toBe(letGo)
  return (await Promise.all(started)) as [A, B]
}

const somebody = async (): Promise<{ client: HttpClient; person: Person; withdraw: () => Promise<Reply> }> => {
  const person = await house.person()
  const client = house.server.client()
  expectCode(await obtain(client, app, person, { scope: 'openid offline_access' }), app, house.server.issuer)
  const page = await client.get('/account/applications')
  const isOwn = ({ action, buttons }: Reply['forms'][number]): boolean =>
    action.endsWith('/account/consents/withdraw') && buttons.some(({ value }) => value === app.client_id)
  const button = { name: 'client_id', value: app.client_id }
  return { client, person, withdraw: async () => await client.submit(page, {}, { form: isOwn, button }) }
}

it('AZ-13: a code that is being redeemed while its consent is withdrawn gives a family that is dead', async () => {
  const { client, withdraw } = await somebody()
  const code = expectCode(
    await ask(client, app, { scope: 'openid offline_access', prompt: 'none' }),
    app,
    house.server.issuer,
  )
  // The redemption has its code and cannot make its family yet, because somebody else is about to make one of that id.
  const sameFamily: Hold = async (tx) =>
    await tx`
    insert into refresh_families (id, client_id, user_id, session_id, offline, scope, auth_time, acr, amr, nonce, created_at, idle_expires_at, expires_at)
    select grant_id, client_id, user_id, session_id, true, scope, auth_time, acr, amr, '\\x00', created_at, expires_at, expires_at
    from authorization_codes where code_hash = ${hashToken(code)}`
  const [redeemed, withdrawn] = await inOrder(
    sameFamily,
    async () => await redeem(house.server.client(), app, code),
    withdraw,
  )
  expect([redeemed.status, withdrawn.status]).toEqual([200, 303])
  const { refresh_token, access_token } = redeemed.json<{ refresh_token: string; access_token: string }>()
  const form = { grant_type: 'refresh_token', refresh_token }
  const refreshed = await house.server
    .client()
    .post('/oauth/token', form, basic(app.client_id, app.client_secret ?? ''))
  await expectRefusal(house.sql, refreshed, 400, 'invalid_grant')
  const looked = await house.server.client().get('/oauth/userinfo', { authorization: `Bearer ${access_token}` })
  expect(looked.status).toBe(401)
})

it('AZ-13: a request that found its consent is not answered with a code once the consent is withdrawn', async () => {
  const { client, withdraw } = await somebody()
  // The withdrawal has done everything but write its event down.
  const allEvents: Hold = async (tx) => await tx`lock table events in share row exclusive mode`
  const [withdrawn, answered] = await inOrder(
    allEvents,
    withdraw,
    async () => await ask(client, app, { scope: 'openid offline_access', prompt: 'none' }),
  )
  expect(withdrawn.status).toBe(303)
  expect(answerOf(answered)).toMatchObject({ error: 'consent_required', iss: house.server.issuer })
  const codes = await house.sql`
    select 1 from authorization_codes c where c.client_id = ${app.client_id} and c.used_at is null
      and c.user_id not in (select user_id from consents where client_id = ${app.client_id})`
  expect(codes).toHaveLength(0)
})
