/** Webhooks over real HTTP: told once, signed, tried again, given up, told again (WH-2, AD-3). */
import { createHmac } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Caller, callerOf } from '../support/api.ts'
import { type House, openHouse } from '../support/flow.ts'
import { startServer } from '../support/server.ts'
import {
  heard,
  type Hook,
  makeHook,
  type Message,
  type Received,
  type Receiver,
  renew,
  startReceiver,
} from '../support/receiver.ts'

let house: House
let receiver: Receiver
let other: Receiver
let admin: Caller

beforeAll(async () => {
  receiver = await startReceiver()
  other = await startReceiver()
  house = await openHouse({ env: { KEYWRIGHT_OUTBOUND_ALLOW: `${receiver.place},${other.place}` } })
  admin = await callerOf(house, await house.person({ roles: ['admin'] }))
})
beforeEach(async () => {
  await house.sql`delete from webhooks`
  renew(receiver, other)
})

const make = async (caller: Caller, body: Record<string, unknown> = {}): Promise<Hook> =>
  await makeHook(caller, receiver, body)

const expectSigned = ({ headers, body }: Received, ...secrets: string[]): void => {
  const text = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`
  const expected = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(6), 'base64')
    return `v1,${createHmac('sha256', key).update(text).digest('base64')}`
  })
  expect(headers['webhook-signature']).toBe(expected.join(' '))
}

const messages = async (hook: Hook, query = ''): Promise<Message[]> =>
  (await admin.call('GET', `webhooks/${hook.id}/deliveries${query}`)).json<{ deliveries: Message[] }>().deliveries

describe('an event', () => {
  it('is told once, signed, with no secret in it', async () => {
    const hook = await make(admin)
    const { user_id } = await house.person()
    await admin.call('POST', 'users', { email: 'told@example.com' })
    const [message] = await heard(receiver, 1)
    if (message === undefined) throw new Error('nothing came')
    expectSigned(message, hook.secret)
    expect(message.headers).toMatchObject({ 'content-type': 'application/json', 'user-agent': 'Keywright' })
    const body = JSON.parse(message.body) as { type: string; timestamp: string; data: Record<string, unknown> }
    expect([body.type, Date.now() - Date.parse(body.timestamp) < 20_000]).toEqual(['user.created', true])
    expect(Math.abs(Date.now() / 1000 - Number(message.headers['webhook-timestamp']))).toBeLessThan(20)
    expect(message.body).not.toMatch(/kw_[a-z]+_|argon2|whsec_/)
    await sleep(1500)
    const ids = receiver.received.map(({ headers }) => headers['webhook-id'])
    expect(new Set(ids).size).toBe(ids.length)
    expect(receiver.received.filter((one) => one.body.includes(user_id)).length).toBeLessThanOrEqual(1)
  })

  it('reaches each endpoint that wants it and no other', async () => {
    await make(admin, { events: ['user.*'] })
    await make(admin, { url: other.url, events: ['role.updated'] })
    await admin.call('POST', 'users', { email: 'each@example.com' })
    await heard(receiver, 1)
    await sleep(1000)
    expect(other.received).toEqual([])
  })
})

describe('WH-2: an endpoint', () => {
  it('that fails is tried again with the same webhook-id, and the log says how each attempt ended', async () => {
    let failures = 0
    receiver.answer((out) => {
      failures += 1
      out.writeHead(failures === 1 ? 500 : 200).end('the body is nobody’s business')
    })
    const hook = await make(admin)
    await admin.call('POST', 'users', { email: 'again@example.com' })
    await heard(receiver, 1)
    await house.sql`update webhook_deliveries set due_at = now() where attempts = 1 and status = 'waiting'`
    const [first, second] = await heard(receiver, 2)
    expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id'])
    await expect.poll(async () => (await messages(hook))[0]?.status).toBe('delivered')
    const [message] = await messages(hook)
    expect(message?.log.map(({ status, error }) => [status, error])).toEqual([
      [200, null],
      [500, 'answered 500'],
    ])
    expect(JSON.stringify(message)).not.toContain('business')
  })

  it('that hangs or redirects has failed, and keeps no other waiting', async () => {
    receiver.answer(() => {})
    const slow = await make(admin, { name: 'Slow' })
    const quick = await make(admin, { name: 'Quick', url: other.url })
    for (let made = 0; made < 5; made += 1) await admin.call('POST', 'users', { email: `many-${made}@example.com` })
    await heard(other, 5)
    await expect.poll(async () => (await messages(quick, '?status=delivered')).length).toBe(5)
    expect((await messages(slow, '?status=delivered')).length).toBe(0)
    const target = new URL(other.url)
    receiver.answer((out) => out.writeHead(302, { location: target.href }).end())
    other.received.length = 0
    const tested = await admin.call('POST', `webhooks/${slow.id}/test`, {})
    expect(tested.json<Message>()).toMatchObject({ status: 'waiting', log: [{ status: 302, error: 'answered 302' }] })
    expect(other.received).toEqual([])
  }, 30_000)

  it('that says 410 is paused at once and its maker told; resumed, it gets what waited', async () => {
    receiver.answer((out) => out.writeHead(410).end())
    const hook = await make(admin)
    await admin.call('POST', 'users', { email: 'gone@example.com' })
    const state = async () => (await admin.call('GET', `webhooks/${hook.id}`)).json<Hook>()
    await expect.poll(async () => (await state()).paused_because, { timeout: 8000 }).toBe('gone')
    await expect
      .poll(async () => await house.sql`select 1 from outbox where kind = 'webhook_paused'`, { timeout: 3000 })
      .toHaveLength(1)
    receiver.answer((out) => out.writeHead(204).end())
    expect((await admin.call('POST', `webhooks/${hook.id}/resume`, {})).json<Hook>().status).toBe('active')
    await house.sql`update webhook_deliveries set due_at = now() where webhook_id = ${hook.id} and status = 'waiting'`
    await expect.poll(async () => (await messages(hook))[0]?.status, { timeout: 8000 }).toBe('delivered')
  })

  it('that nothing got through to for three days is paused', async () => {
    receiver.answer((out) => out.writeHead(503).end())
    const hook = await make(admin)
    await house.sql`update webhooks set failing_since = now() - interval '3 days' where id = ${hook.id}`
    await admin.call('POST', 'users', { email: 'failing@example.com' })
    const because = async () => (await admin.call('GET', `webhooks/${hook.id}`)).json<Hook>().paused_because
    await expect.poll(because, { timeout: 8000 }).toBe('failing')
  })

  it('signs with both secrets while one follows the other, and both are kept sealed', async () => {
    const hook = await make(admin)
    const next = (await admin.call('POST', `webhooks/${hook.id}/rotate-secret`, {})).json<Hook>()
    await admin.call('POST', `webhooks/${hook.id}/test`, {})
    const last = receiver.received.at(-1)
    if (last === undefined) throw new Error('nothing came')
    expectSigned(last, next.secret, hook.secret)
    const over = (await admin.call('POST', `webhooks/${hook.id}/rotate-secret`, { overlap_seconds: 0 })).json<Hook>()
    await admin.call('POST', `webhooks/${hook.id}/test`, {})
    expectSigned(receiver.received.at(-1) ?? last, over.secret)
    const [row] = await house.sql<{ all: string }[]>`select webhooks::text as all from webhooks where id = ${hook.id}`
    expect(row?.all).not.toContain('whsec_')
    const shown = await admin.call('GET', `webhooks/${hook.id}`)
    expect(shown.body).not.toMatch(/whsec_|sealed/)
  })

  it('is told again: one message, or a span of time', async () => {
    const hook = await make(admin)
    const from = new Date(Date.now() - 1000).toISOString()
    await admin.call('POST', 'users', { email: 'replay@example.com' })
    await heard(receiver, 1)
    const [message] = await messages(hook)
    expect((await admin.call('POST', `webhooks/${hook.id}/deliveries/${message?.id}/replay`, {})).status).toBe(202)
    await heard(receiver, 2)
    const span = await admin.call('POST', `webhooks/${hook.id}/replay`, { from })
    expect(span.json()).toMatchObject({ more: false })
    expect(span.json<{ queued: number }>().queued).toBeGreaterThanOrEqual(1)
    await heard(receiver, 3)
    expect((await admin.call('POST', `webhooks/${hook.id}/replay`, { from, to: from })).status).toBe(400)
    const read = await admin.call('GET', `webhooks/${hook.id}/deliveries/${message?.id}`)
    expect(read.json()).toMatchObject({ payload: { type: 'user.created' } })
  })
})

it('G-2: of two nodes one takes a message, never both', async () => {
  const twin = await startServer({
    env: { KEYWRIGHT_ISSUER: house.server.issuer, KEYWRIGHT_OUTBOUND_ALLOW: `${receiver.place},${other.place}` },
  })
  await make(admin, { events: ['user.created'] })
  await Promise.all(
    Array.from({ length: 40 }, async (_, made) => admin.call('POST', 'users', { email: `twin-${made}@example.com` })),
  )
  await heard(receiver, 40)
  await sleep(1500)
  const ids = receiver.received.map(({ headers }) => headers['webhook-id'])
  expect([ids.length, new Set(ids).size]).toEqual([40, 40])
  await twin.stop()
})
