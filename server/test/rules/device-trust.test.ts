/** Security rule MF-4 (security.md 1.4): a browser that stands in for a second step, for whom, for how long, and what ends that. */
import { beforeAll, describe, expect, it } from 'vitest'
import { transact } from '../../src/db/transact.ts'
import { forgetDevice } from '../../src/devices/forget.ts'
import { isTrusted, rememberDevice, trustDevice } from '../../src/devices/remember.ts'
import { changePassword, resetFactors } from '../../src/users/status.ts'
import { callerWith } from '../support/api.ts'
import { authenticatorOf } from '../support/factors.ts'
import {
  answerOf,
  type App,
  ask,
  expectPage,
  type House,
  openHouse,
  type Person,
  redeem,
  signInOn,
  typePassword,
} from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'

let house: House
let app: App

beforeAll(async () => {
  house = await openHouse()
  app = await house.app({ first_party: true })
})

describe('MF-4: trust', () => {
  const day = 86_400_000

  it('is for one person in one browser, for thirty days at most, and can be taken back', async () => {
    const { sql, ctx } = house
    const [ada, bob] = [await house.person(), await house.person()]
    const now = new Date()
    const at = (ms: number): Date => new Date(now.getTime() + ms)
    const remember = async (person: Person, device?: string) =>
      await transact(
        sql,
        async (tx) =>
          await rememberDevice(ctx, tx, { user_id: person.user_id, device, ip: '192.0.2.1', user_agent: 'x', now }),
      )
    const trust = async (id: string, until: Date | null): Promise<void> =>
      await transact(sql, async (tx) => await trustDevice(tx, id, { until, now }))
    const adas = await remember(ada)
    const trusted = async (person: Person, cookie: string, when: Date): Promise<boolean> =>
      await isTrusted(sql, person.user_id, { cookie, now: when })
    const key = adas.cookie.value
    expect(await trusted(ada, key, now)).toBe(false)
    await trust(adas.id, at(60_000))
    expect([await trusted(ada, key, at(59_999)), await trusted(ada, key, at(60_000))]).toEqual([true, false])
    await trust(adas.id, at(400 * day))
    expect([await trusted(ada, key, at(30 * day - 1000)), await trusted(ada, key, at(30 * day))]).toEqual([true, false])
    const bobs = await remember(bob, key)
    expect(await trusted(bob, bobs.cookie.value, now)).toBe(false)
    expect([await trusted(ada, key, now), await trusted(ada, bobs.cookie.value, now)]).toEqual([false, true])
    for (const bad of ['', 'x', 'A'.repeat(43), `${bobs.cookie.value}x`])
      expect(await trusted(ada, bad, now)).toBe(false)
    await trust(adas.id, null)
    expect(await trusted(ada, bobs.cookie.value, now)).toBe(false)
  })

  /** Signs in with password and code, and asks for trust. */
  const withTrust = async (person: Person) => {
    const phone = await authenticatorOf(house.ctx, person.user_id)
    const client = house.server.client()
    const page = await signInOn(client, await client.get('/login'), person)
    const done = await client.walk(client.submit(page, { code: phone.code(), trust_device: '1' }))
    expectPage(done, 200, 'Your account')
    return client
  }

  const signedOut = async (client: HttpClient): Promise<Reply> => {
    client.jar.delete('kw_session')
    return await client.get('/login')
  }

  /** Where a password alone leads. */
  const leadsTo = async (client: HttpClient, person: Person): Promise<string | undefined> =>
    (await client.walk(typePassword(client, await signedOut(client), person.email, person.password))).url.pathname

  it('stands in for the second step in that browser and in no other; what was proved is told as it is', async () => {
    const ada = await house.person()
    const client = await withTrust(ada)
    expect(await leadsTo(client, ada)).toBe('/account')
    expect(await leadsTo(house.server.client(), ada)).toBe('/factor')
    const [session] = await house.sql`
      select acr, device_trusted from sessions where user_id = ${ada.user_id} order by auth_time desc limit 1`
    expect(session).toEqual({ acr: 'aal1', device_trusted: true })
    await house.sql`update devices set trusted_until = now() - interval '1 second' where user_id = ${ada.user_id}`
    expect(await leadsTo(client, ada)).toBe('/factor')
  })

  it('never for what an application asks for', async () => {
    const ada = await house.person()
    const client = await withTrust(ada)
    expect(await leadsTo(client, ada)).toBe('/account')
    expect((await ask(client, app, { acr_values: 'aal2' })).url.pathname).toBe('/factor')
  })

  it('LI-4: never for what wants a fresh proof, neither in the browser nor through an application', async () => {
    const admin = await house.person({ roles: ['admin'] })
    const client = await withTrust(admin)
    expect(await leadsTo(client, admin)).toBe('/account')
    const caller = await callerWith(house, client)
    const api = `${house.server.issuer}/api/v1`
    const own = await house.app({ first_party: true, resources: [api], scope: 'openid account admin' })
    const { code = '' } = answerOf(await ask(client, own, { scope: 'openid account admin', resource: api }))
    const { access_token } = (await redeem(client, own, code)).json<{ access_token: string }>()
    const bearer = { authorization: `Bearer ${access_token}` }
    expect((await house.server.client().get('/api/v1/users?limit=1', bearer)).status).toBe(200)
    for (const [method, path, json] of [
      ['GET', 'users/export', undefined],
      ['POST', 'users/me/export', {}],
      ['DELETE', 'users/me', undefined],
    ] as const) {
      const byCookie = await caller.call(method, path, json)
      expect([path, byCookie.status, byCookie.json<{ code: string }>().code]).toEqual([
        path,
        403,
        'reauthentication_required',
      ])
      const byToken = await house.server
        .client()
        .request(`/api/v1/${path}`, { method, headers: bearer, ...(json && { json }) })
      expect([path, byToken.status]).toEqual([path, 401])
      expect(byToken.headers['www-authenticate']).toContain('insufficient_user_authentication')
    }
  })

  it('ends with the password, with the factors and with the device', async () => {
    const endings: Record<string, (person: Person) => Promise<Person>> = {
      password: async (person) => {
        const hash = await house.ctx.hashing.hash('an entirely different thing')
        await house.revoking(async (ctx) => await changePassword(ctx, person.user_id, hash))
        return { ...person, password: 'an entirely different thing' }
      },
      factors: async (person) => {
        await house.revoking(async (ctx) => await resetFactors(ctx, person.user_id))
        await authenticatorOf(house.ctx, person.user_id)
        return person
      },
      device: async (person) => {
        const [device] = await house.sql<{ id: string }[]>`select id from devices where user_id = ${person.user_id}`
        const which = { user_id: person.user_id, device_id: device?.id ?? '', now: new Date() }
        await house.revoking(async (ctx) => await transact(ctx.db, async (tx) => await forgetDevice(ctx, tx, which)))
        return person
      },
    }
    for (const [name, end] of Object.entries(endings)) {
      const ada = await house.person()
      const client = await withTrust(ada)
      const after = await end(ada)
      expect([name, await leadsTo(client, after)]).toEqual([name, '/factor'])
    }
  })
})
