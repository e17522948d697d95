/** A person's passkeys at the JSON API: freshness, names, the end of one (security rules LI-4, MF-4, PK-2). */
import { beforeAll, describe, expect, it } from 'vitest'
import { type Caller, callerOf, callerWith } from '../support/api.ts'
import { authenticatorOf } from '../support/factors.ts'
import { type App, type House, openHouse, type Person, signIn, tokensOf } from '../support/flow.ts'
import type { Reply } from '../support/http.ts'
import { inboxOf } from '../support/inbox.ts'
import { add, expectProblem, listed, options, path } from '../support/own-passkeys.ts'
import { handleOf, keepPasskey, type SoftPasskey, softPasskey } from '../support/passkey.ts'
import { eventTypes, moveSession } from '../support/written.ts'

let house: House

beforeAll(async () => {
  house = await openHouse()
})

const make = (making: Partial<Parameters<typeof softPasskey>[0]> = {}): SoftPasskey =>
  softPasskey({ issuer: house.server.issuer, ...making })

const signInWith = async (
  passkey: SoftPasskey,
  person: Person,
): Promise<{ reply: Reply; caller: () => Promise<Caller> }> => {
  const client = house.server.client()
  const asked = await client.request('/api/v1/auth/passkey/options', { method: 'POST', json: {} })
  const { challenge } = asked.json<{ challenge: string }>()
  const credential = passkey.assert(challenge, handleOf(house.ctx, person.user_id))
  const reply = await client.request('/api/v1/auth/passkey', { method: 'POST', json: { credential } })
  return { reply, caller: async () => await callerWith(house, client) }
}

describe('LI-4', () => {
  it('a proof of five minutes ago is too old to add or remove one, and young enough to read and name them', async () => {
    const person = await house.person()
    const caller = await callerOf(house, person)
    const { challenge } = await options(caller)
    const credential = make().attest(challenge)
    const kept = await keepPasskey(house.ctx, person.user_id, { passkey: make() })
    await moveSession(house.sql, caller.client, { auth_time: -301 })
    // Copies of sessions are at most a second old.
    await expect
      .poll(async () => (await caller.call('POST', `${path}/options`, {})).status, { timeout: 5000 })
      .toBe(403)
    for (const reply of [
      await caller.call('POST', `${path}/options`, {}),
      await caller.call('POST', path, { credential }),
      await caller.call('DELETE', `${path}/${kept.id}`),
    ])
      expectProblem(reply, 403, 'reauthentication_required')
    expect((await caller.call('PATCH', `${path}/${kept.id}`, { name: 'Old' })).json()).toMatchObject({ name: 'Old' })
    expectProblem(await caller.call('PATCH', `${path}/none`, { name: 'Old' }), 404, 'not_found')
    expect(await eventTypes(house.sql, person)).toContain('factor.renamed')
    expect((await listed(caller)).map(({ id }) => id)).toEqual([kept.id])
  })

  it('AD-4: not without the token of the page', async () => {
    const caller = await callerOf(house, await house.person())
    const headers = { 'x-csrf-token': '' }
    for (const method of ['POST', 'PATCH', 'DELETE'] as const) {
      const at = method === 'POST' ? `${path}/options` : `${path}/x`
      expectProblem(await caller.call(method, at, method === 'DELETE' ? undefined : {}, headers), 403, 'access_denied')
    }
  })
})

describe('the end of a passkey', () => {
  it('is told by mail; it signs nobody in any more', async () => {
    const person = await house.person()
    const caller = await callerOf(house, person)
    const passkey = make()
    const { id } = (await add(caller, passkey, {}, 'Key')).json<{ id: string }>()
    expect((await caller.call('DELETE', `${path}/${id}`)).status).toBe(204)
    expectProblem(await caller.call('DELETE', `${path}/${id}`), 404, 'not_found')
    expect((await inboxOf(house.server).letter(person.email, { kind: 'passkey_removed' })).text).toContain('Key')
    expectProblem((await signInWith(passkey, person)).reply, 401, 'wrong_passkey')
  })

  it("nobody names or removes another person's", async () => {
    const [ada, eve] = [await house.person(), await callerOf(house, await house.person())]
    const { id } = await keepPasskey(house.ctx, ada.user_id, { passkey: make() })
    expectProblem(await eve.call('DELETE', `${path}/${id}`), 404, 'not_found')
    expectProblem(await eve.call('PATCH', `${path}/${id}`, { name: 'Mine' }), 404, 'not_found')
    expectProblem(await eve.call('DELETE', `${path}/no-uuid`), 404, 'not_found')
  })

  it('a name says something, and not too much', async () => {
    const person = await house.person()
    const caller = await callerOf(house, person)
    const { id } = await keepPasskey(house.ctx, person.user_id, { passkey: make() })
    for (const name of ['', '  ', '\u0007', 'x'.repeat(61)])
      expectProblem(await caller.call('PATCH', `${path}/${id}`, { name }), 400, 'invalid_name')
    expectProblem(await caller.call('PATCH', `${path}/${id}`, { name: 'x', id: 'y' }), 400, 'invalid_request')
    expect((await caller.call('PATCH', `${path}/${id}`, { name: 'x'.repeat(60) })).status).toBe(200)
  })

  it('the only way in stays: without a password and a proved address', async () => {
    const person = await house.person()
    const [one, two, old] = [make(), make(), make()]
    const row = await keepPasskey(house.ctx, person.user_id, { passkey: one })
    await house.sql`delete from password_credentials where user_id = ${person.user_id}`
    await house.sql`update users set email_verified = false where id = ${person.user_id}`
    const caller = await (await signInWith(one, person)).caller()
    expectProblem(await caller.call('DELETE', `${path}/${row.id}`), 409, 'last_way_in')
    // One that cannot sign in by itself is no way in.
    await keepPasskey(house.ctx, person.user_id, { passkey: old, discoverable: false })
    expectProblem(await caller.call('DELETE', `${path}/${row.id}`), 409, 'last_way_in')
    const other = await keepPasskey(house.ctx, person.user_id, { passkey: two })
    expect((await caller.call('DELETE', `${path}/${row.id}`)).status).toBe(204)
    expectProblem(await caller.call('DELETE', `${path}/${other.id}`), 409, 'last_way_in')
  })

  it('MF-4: used just now it takes another second step away; a step-up by that one makes it no younger', async () => {
    for (const [seconds, status] of [
      [0, 204],
      [301, 403],
    ] as const) {
      const person = await house.person()
      const passkey = make()
      await keepPasskey(house.ctx, person.user_id, { passkey })
      const { call } = await (await signInWith(passkey, person)).caller()
      const { id } = await authenticatorOf(house.ctx, person.user_id)
      // The session is fresh, as after a step-up, and the use of the passkey is so old.
      await house.sql`
        update passkeys set last_used_at = last_used_at - make_interval(secs => ${seconds}) where user_id = ${person.user_id}`
      const reply = await call('DELETE', `users/me/factors/${id}`)
      expect([seconds, reply.status, reply.body.includes('factor_proof_required')]).toEqual([
        seconds,
        status,
        seconds > 0,
      ])
    }
  })

  it('MF-4: the only passkey is not removed on its own word', async () => {
    const person = await house.person()
    const passkey = make()
    const { id } = await keepPasskey(house.ctx, person.user_id, { passkey })
    const caller = await (await signInWith(passkey, person)).caller()
    expectProblem(await caller.call('DELETE', `${path}/${id}`), 403, 'other_factor_needed')
    await signIn(house.server.client(), person)
    expect((await (await callerOf(house, person)).call('DELETE', `${path}/${id}`)).status).toBe(204)
  })

  it('two at once leave one way in', async () => {
    const person = await house.person()
    const [one, two] = [make(), make()]
    const rows = [
      await keepPasskey(house.ctx, person.user_id, { passkey: one }),
      await keepPasskey(house.ctx, person.user_id, { passkey: two }),
    ]
    await house.sql`delete from password_credentials where user_id = ${person.user_id}`
    await house.sql`update users set email_verified = false where id = ${person.user_id}`
    const caller = await (await signInWith(one, person)).caller()
    const replies = await Promise.all(rows.map(async ({ id }) => await caller.call('DELETE', `${path}/${id}`)))
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([204, 409]))
  })
})

describe('an application that calls for a person', () => {
  let app: App
  let api: string
  beforeAll(async () => {
    api = `${house.server.issuer}/api/v1`
    app = await house.app({ first_party: true, resources: [api], scope: 'openid account' })
  })

  const bearer = async (person: Person, client = house.server.client()): Promise<Caller> => {
    const { access_token } = await tokensOf(client, app, person, { scope: 'openid account', resource: api })
    const headers = { authorization: `Bearer ${access_token}` }
    return {
      client,
      call: async (method, at, body) =>
        await house.server
          .client()
          .request(`/api/v1/${at}`, { method, headers, ...(body !== undefined && { json: body }) }),
    }
  }

  it('adds one with its token, whose two halves belong to one sign-in', async () => {
    const person = await house.person()
    const [caller, other] = [await bearer(person), await bearer(person)]
    const { challenge } = await options(caller)
    const credential = make().attest(challenge)
    expectProblem(await other.call('POST', path, { credential }), 400, 'invalid_passkey')
    expect((await caller.call('POST', path, { credential })).status).toBe(201)
    expect(await listed(caller)).toHaveLength(1)
  })

  it('LI-4, RFC 9470: is told to send the person through a fresh sign-in', async () => {
    const person = await house.person()
    const client = house.server.client()
    await signIn(client, person)
    await moveSession(house.sql, client, { auth_time: -301 })
    const caller = await bearer(person, client)
    const reply = await caller.call('POST', `${path}/options`, {})
    expectProblem(reply, 401, 'insufficient_user_authentication')
    expect(reply.headers['www-authenticate']).toMatch(/error="insufficient_user_authentication".*max_age="300"/)
  })
})
