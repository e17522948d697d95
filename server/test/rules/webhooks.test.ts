/** Webhooks: where they may lead, and whose they are. Security rules WH-1, AD-1, AD-4 (security.md 1.6). */
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Caller, callerOf } from '../support/api.ts'
import { type App, type House, openHouse, type Person, tokensOf } from '../support/flow.ts'
import { heard, type Hook, makeHook, type Message, type Receiver, renew, startReceiver } from '../support/receiver.ts'

type Problem = { code: string; detail: string }

let house: House
let receiver: Receiver
let other: Receiver
let admin: Caller
let owner: Person
let asOwner: Caller
let app: App

beforeAll(async () => {
  receiver = await startReceiver()
  other = await startReceiver()
  house = await openHouse({ env: { KEYWRIGHT_OUTBOUND_ALLOW: `${receiver.place},${other.place}` } })
  admin = await callerOf(house, await house.person({ roles: ['admin'] }))
  owner = await house.person()
  asOwner = await callerOf(house, owner)
  app = await house.app({ first_party: true })
  await house.sql`update clients set owner_id = ${owner.user_id} where client_id = ${app.client_id}`
})
beforeEach(async () => {
  await house.sql`delete from webhooks`
  renew(receiver, other)
})

const make = async (caller: Caller, body: Record<string, unknown> = {}): Promise<Hook> =>
  await makeHook(caller, receiver, body)

describe('WH-1: an address', () => {
  it.each([
    'http://example.com/hook',
    'https://127.0.0.1/hook',
    'https://10.0.0.1/',
    'https://169.254.169.254/latest/meta-data',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[64:ff9b::7f00:1]/',
    'https://[fd00::1]/',
    'https://100.64.0.1/',
    'https://localhost/hook',
    'https://user:secret@example.com/',
    'https://example.com/#fragment',
    'ftp://example.com/',
    'file:///etc/passwd',
    'nothing',
  ])('%s is refused when it is set', async (url) => {
    const made = await admin.call('POST', 'webhooks', { name: 'x', url, events: ['*'] })
    expect([made.status, made.json<Problem>().code]).toEqual([400, 'invalid_request'])
    const hook = await make(admin)
    expect((await admin.call('PATCH', `webhooks/${hook.id}`, { url })).status).toBe(400)
  })

  it('that comes to lead into a private network is not called: the delivery fails', async () => {
    const hook = await make(admin)
    await house.sql`update webhooks set url = ${`https://localhost:${new URL(other.url).port}/`} where id = ${hook.id}`
    const tested = await admin.call('POST', `webhooks/${hook.id}/test`, {})
    const [attempt] = tested.json<Message>().log
    expect(attempt?.status).toBeNull()
    expect(attempt?.error).toContain('private network')
    expect(other.received).toEqual([])
  })
})

describe('AD-1: who', () => {
  it('looks after an application hears its events alone, without where people were', async () => {
    const hook = await make(asOwner, { events: ['*'], client_id: app.client_id })
    const person = await house.person()
    await tokensOf(house.server.client(), app, person)
    await heard(receiver, 1)
    await sleep(1200)
    for (const { body } of receiver.received) {
      const { data } = JSON.parse(body) as { data: Record<string, unknown> }
      expect(data['client_id']).toBe(app.client_id)
      expect(data).not.toHaveProperty('ip')
    }
    const listed = (await asOwner.call('GET', 'webhooks')).json<{ webhooks: Hook[] }>()
    expect(listed.webhooks.map(({ id }) => id)).toEqual([hook.id])
  })

  it('does not, has no webhook of it and sees none', async () => {
    const stranger = await callerOf(house, await house.person())
    const body = { name: 'x', url: receiver.url, events: ['*'] }
    expect((await stranger.call('POST', 'webhooks', body)).status).toBe(403)
    const foreign = await stranger.call('POST', 'webhooks', { ...body, client_id: app.client_id })
    const unknown = await stranger.call('POST', 'webhooks', { ...body, client_id: 'app_nothing' })
    expect([foreign.status, unknown.status]).toEqual([422, 422])
    expect(foreign.json<Problem>().detail).toBe(unknown.json<Problem>().detail)
    const hook = await make(asOwner, { client_id: app.client_id })
    const of = `webhooks/${hook.id}`
    for (const [method, path] of [
      ['GET', of],
      ['PATCH', of],
      ['DELETE', of],
      ['POST', `${of}/pause`],
      ['POST', `${of}/rotate-secret`],
      ['POST', `${of}/test`],
      ['POST', `${of}/replay`],
      ['GET', `${of}/deliveries`],
    ] as const) {
      const sent = path.endsWith('replay') ? { from: new Date(0).toISOString() } : {}
      const reply = await stranger.call(method, path, method === 'GET' || method === 'DELETE' ? undefined : sent)
      expect([method, path, reply.status]).toEqual([method, path, 404])
    }
    const whole = await make(admin)
    expect((await asOwner.call('GET', `webhooks/${whole.id}`)).status).toBe(404)
  })

  it('made one loses it with the application, and sees it no more when somebody else looks after that', async () => {
    const hook = await make(asOwner, { client_id: app.client_id })
    await house.sql`update clients set owner_id = null where client_id = ${app.client_id}`
    expect((await asOwner.call('GET', `webhooks/${hook.id}`)).status).toBe(404)
    await house.sql`update clients set owner_id = ${owner.user_id} where client_id = ${app.client_id}`
    const gone = await house.app()
    await house.sql`update clients set owner_id = ${owner.user_id} where client_id = ${gone.client_id}`
    const lost = await make(asOwner, { client_id: gone.client_id })
    await house.sql`delete from clients where client_id = ${gone.client_id}`
    expect(await house.sql`select 1 from webhooks where id = ${lost.id}`).toHaveLength(0)
  })

  it('AD-4: wants a fresh proof where it decides where events go', async () => {
    const someone = await house.person({ roles: ['admin'] })
    const caller = await callerOf(house, someone)
    const hook = await make(caller)
    await house.sql`update sessions set auth_time = now() - interval '6 minutes' where user_id = ${someone.user_id}`
    for (const [method, path, body] of [
      ['POST', 'webhooks', { name: 'x', url: receiver.url, events: ['*'] }],
      ['PATCH', `webhooks/${hook.id}`, { url: other.url }],
      ['POST', `webhooks/${hook.id}/rotate-secret`, {}],
    ] as const) {
      const code = async () => (await caller.call(method, path, body)).json<Problem>().code
      await expect.poll(code, { timeout: 3000 }).toBe('reauthentication_required')
    }
  })
})
