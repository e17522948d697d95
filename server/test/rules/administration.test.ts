/** What administrators may not do, however they come to it: security rules AD-2, MF-4, EM-2, RC-1, LI-4 (security.md 1.4, 1.6). */
import { beforeAll, describe, expect, it } from 'vitest'
import { type Caller, callerOf } from '../support/api.ts'
import { authenticatorOf } from '../support/factors.ts'
import { type House, openHouse, type Person } from '../support/flow.ts'
import { inboxOf, type TestInbox } from '../support/inbox.ts'
import { eventsOf } from '../support/written.ts'

let house: House
let inbox: TestInbox
let admin: Person
let caller: Caller

beforeAll(async () => {
  house = await openHouse()
  inbox = inboxOf(house.server)
  admin = await house.person({ roles: ['admin'] })
  caller = await callerOf(house, admin)
})

const codeOf = (reply: { json: <T>() => T }): string => reply.json<{ code: string }>().code

describe('AD-2: the last administrator', () => {
  it.each(['disable', 'lock', 'delete'])('two who %s each other at once: one stays', async (what) => {
    for (let round = 0; round < 4; round += 1) {
      const elsewhere = await openPair()
      const [one, other] = elsewhere
      const act = async (by: Caller, { user_id }: Person) =>
        await (what === 'delete' ? by.call('DELETE', `users/${user_id}`) : by.call('POST', `users/${user_id}/${what}`))
      const replies = await Promise.all([act(one.caller, other.person), act(other.caller, one.person)])
      const statuses = replies.map(({ status }) => status).toSorted((a, b) => a - b)
      expect(statuses[0]).toBeLessThan(300)
      expect(statuses[1]).toBeGreaterThanOrEqual(400)
      const [left] = await house.sql<{ count: number }[]>`
        select count(*)::int as count from users where id in (${one.person.user_id}, ${other.person.user_id}) and status = 'active'`
      expect(left?.count).toBe(1)
      await house.sql`update users set status = 'active' where id = ${admin.user_id}`
    }
  })
})

/** Two administrators, and no other. */
const openPair = async () => {
  const people = await Promise.all([house.person({ roles: ['admin'] }), house.person({ roles: ['admin'] })])
  const pair = await Promise.all(people.map(async (person) => ({ person, caller: await callerOf(house, person) })))
  const [one, other] = pair
  if (one === undefined || other === undefined) throw new Error('no pair')
  await house.sql`
    update users set status = 'disabled' where id not in (${one.person.user_id}, ${other.person.user_id})
      and 'admin' = any (roles_of(id))`
  return [one, other] as const
}

describe('one own account', () => {
  it.each([
    ['EM-2: the address', 'PATCH', '', { email: 'elsewhere@example.com' }],
    ['EM-2: whether it is proved', 'PATCH', '', { email_verified: true }],
    ['MF-4: every second step', 'POST', '/reset-factors', undefined],
    ['what another administrator asked for', 'POST', '/require-action', { actions: [] }],
  ] as const)('%s is changed on the own page only', async (_, method, path, body) => {
    const self = await house.person({ roles: ['admin'] })
    const own = await callerOf(house, self)
    await authenticatorOf(house.ctx, self.user_id)
    const reply = await own.call(method, `users/${self.user_id}${path}`, body)
    expect([reply.status, codeOf(reply)]).toEqual([409, 'own_account'])
    const [row] = await house.sql<{ email: string; kinds: string[] }[]>`
      select email, factor_kinds_of(id) as kinds from users where id = ${self.user_id}`
    expect(row).toEqual({ email: self.email, kinds: ['totp', 'password'] })
  })
})

describe('what the person is told, and what ends', () => {
  it('LI-4: whose second steps are taken away is told; who had none is not', async () => {
    const [target, plain] = [await house.person(), await house.person()]
    await authenticatorOf(house.ctx, target.user_id)
    for (const { user_id } of [plain, target])
      expect((await caller.call('POST', `users/${user_id}/reset-factors`)).status).toBe(200)
    const letter = await inbox.letter(target.email, { kind: 'factor_removed' })
    expect(letter.link).toContain('/not-me?token=')
    expect(await inbox.letters(plain.email, { kind: 'factor_removed' })).toEqual([])
  })

  it('EM-2: the old address is told of another one, without a way back, if it was proved', async () => {
    const [proved, other] = [await house.person({ name: 'A' }), await house.person({ email_verified: false })]
    for (const { user_id, email } of [other, proved]) {
      expect((await caller.call('PATCH', `users/${user_id}`, { email: email.toUpperCase() })).status).toBe(200)
      expect((await caller.call('PATCH', `users/${user_id}`, { email: `other-${email}` })).status).toBe(200)
    }
    const letter = await inbox.letter(proved.email, { kind: 'email_changed_by_admin' })
    expect([letter.link, letter.code, letter.text.includes('An administrator of')]).toEqual(['', '', true])
    expect(await inbox.letters(proved.email, { kind: 'email_changed_by_admin' })).toHaveLength(1)
    expect(await inbox.letters(other.email, { kind: 'email_changed_by_admin' })).toEqual([])
  })

  it('RC-1: another address voids the links to the old one', async () => {
    const target = await house.person()
    expect((await caller.call('POST', `users/${target.user_id}/send-reset`)).status).toBe(200)
    await inbox.letter(target.email, { kind: 'reset_by_admin' })
    const open = async (): Promise<number> =>
      (
        await house.sql`
          select 1 from one_time_tokens where user_id = ${target.user_id} and purpose = 'reset_password' and used_at is null`
      ).length
    expect(await open()).toBe(1)
    expect((await caller.call('PATCH', `users/${target.user_id}`, { name: 'Another Name' })).status).toBe(200)
    expect(await open()).toBe(1)
    const email = `moved-${target.email}`
    expect((await caller.call('PATCH', `users/${target.user_id}`, { email })).status).toBe(200)
    expect(await open()).toBe(0)
  })
})

describe('GD-1: what a person sees of administrators', () => {
  it('is what they did, and not where they were: events, sessions, and the page of them', async () => {
    const target = await house.person()
    const own = await callerOf(house, target)
    expect((await caller.call('PATCH', `users/${target.user_id}`, { name: 'Another Name' })).status).toBe(200)
    const acting = await callerOf(house, await house.person({ roles: ['admin'] }))
    const path = `users/${target.user_id}/impersonate`
    expect((await acting.call('POST', path, { reason: 'ticket 4711' })).status).toBe(201)
    const { events } = (await own.call('GET', 'users/me/activity')).json<{ events: Record<string, unknown>[] }>()
    for (const type of ['user.updated', 'user.impersonated'])
      expect(events).toContainEqual(expect.objectContaining({ type, ip: null, user_agent: null }))
    expect(events).toContainEqual(expect.objectContaining({ type: 'login.succeeded', ip: '127.0.0.1' }))
    const { sessions } = (await own.call('GET', 'users/me/sessions')).json<{ sessions: Record<string, unknown>[] }>()
    expect(new Map(sessions.map(({ acted, ip }) => [acted, ip]))).toEqual(
      new Map<unknown, unknown>([
        [false, '127.0.0.1'],
        [true, null],
      ]),
    )
    const page = await own.client.get('/account/sessions')
    expect([page.status, page.body.split('127.0.0.1').length]).toEqual([200, 2])
  })
})

describe('AU-1', () => {
  it('an imported account says who brought it, with which roles', async () => {
    const session = await caller.client.get('/api/v1/auth/session')
    const { csrf_token } = session.json<{ csrf_token: string }>()
    const headers = { 'content-type': 'application/x-ndjson', origin: house.server.issuer, 'x-csrf-token': csrf_token }
    const body = JSON.stringify({ id: 'brought', email: 'brought@example.com', roles: ['user'] })
    await caller.client.request('/api/v1/users/import', { method: 'POST', headers, body })
    const [event] = await eventsOf(house.sql, { user_id: 'brought' })
    expect(event).toMatchObject({
      type: 'user.created',
      ip: '127.0.0.1',
      data: { by: admin.user_id, imported: true, roles: ['user'] },
    })
  })
})

describe('AD-2: rights that end between the check of a call and its act', () => {
  it('are asked for again in the transaction of the act', async () => {
    const { changeStatus, removeUser, resetFactors } = await import('../../src/users/status.ts')
    const { changeAccount } = await import('../../src/users/manage.ts')
    const { sendReset } = await import('../../src/recovery/by-admin.ts')
    const target = await house.person()
    const stronger = await house.person({ roles: ['admin'] })
    const helper = await house.person()
    const gone = await house.person({ roles: ['admin'] })
    await house.sql`update users set status = 'disabled' where id = ${gone.user_id}`
    await house.revoking(async (ctx) => {
      for (const actor_id of [helper.user_id, gone.user_id]) {
        for (const { user_id } of [target, stronger]) {
          for (const refused of [
            await changeStatus(ctx, user_id, 'locked', { actor_id }),
            await resetFactors(ctx, user_id, { actor_id }),
            await removeUser(ctx, user_id, { actor_id }),
            await changeAccount(ctx, { id: user_id }, { name: 'x', by: { actor_id } }),
            await sendReset(ctx, { id: user_id }, { actor_id }),
          ])
            expect(refused).toMatchObject({ error: 'permission_denied' })
        }
      }
    })
    const rows =
      await house.sql`select 1 from users where id in (${target.user_id}, ${stronger.user_id}) and status = 'active'`
    expect(rows).toHaveLength(2)
  })
})
