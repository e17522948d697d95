/** A session that ends while one of its calls is under way keeps nothing: promise I2, security rule LI-4 (security.md 1.4, 2.1). */
import { beforeAll, expect, it } from 'vitest'
import { callerOf } from '../support/api.ts'
import { someNumber } from '../support/factors.ts'
import { type House, openHouse } from '../support/flow.ts'
import { inboxOf } from '../support/inbox.ts'

let house: House

beforeAll(async () => {
  house = await openHouse()
})

it('I2: a thief whose session ends when the account is taken back keeps no number and no backup codes', async () => {
  const person = await house.person()
  const { call } = await callerOf(house, person)
  const path = 'users/me/factors'
  const number = someNumber()
  await call('POST', path, { kind: 'sms', phone_number: number })
  const { code } = await inboxOf(house.server).letter(number)
  const waiting = async (): Promise<number> =>
    (await house.sql`select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`)
      .length
  const { calls } = await house.sql.begin(async (tx) => {
    await tx`select 1 from users where id = ${person.user_id} for update`
    const confirm = call('POST', `${path}/confirm`, { kind: 'sms', code })
    const backup = call('POST', `${path}/backup-codes`, {})
    await expect.poll(waiting).toBe(2)
    await tx`update sessions set ended_at = now(), ended_because = 'taken back' where user_id = ${person.user_id}`
    return { calls: [confirm, backup] }
  })
  const replies = await Promise.all(calls)
  expect(replies.map((reply) => reply.json()['code'])).toEqual(['wrong_code', 'session_ended'])
  expect(await house.sql`select 1 from code_factors where user_id = ${person.user_id}`).toEqual([])
  expect(await house.sql`select 1 from backup_codes where user_id = ${person.user_id}`).toEqual([])
})
