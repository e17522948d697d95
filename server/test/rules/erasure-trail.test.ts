/** GD-2: what an erased account leaves in the audit trail and in messages to webhooks: an id, and that something happened. */
import { beforeAll, expect, it } from 'vitest'
import { followers } from '../../src/app.ts'
import { publicKeyOf } from '../../src/audit/signature.ts'
import { verifyDatabase } from '../../src/audit/verify-database.ts'
import { sequenceEvents } from '../../src/events/sequence.ts'
import { createKey } from '../../src/api-keys/manage.ts'
import { isDenial } from '../../src/protocol/errors.ts'
import { removeUser } from '../../src/users/status.ts'
import { createWebhook } from '../../src/webhooks/manage.ts'
import { type InProcess, startInProcess } from '../support/in-process.ts'
import { findEverywhere } from '../support/own-page.ts'

const by = { ip: '203.0.113.77', user_agent: 'Traceable Browser', request_id: 'r' }
let home: InProcess

beforeAll(async () => {
  home = await startInProcess({ KEYWRIGHT_OUTBOUND_ALLOW: '127.0.0.1:9' })
})

it('no row of any table knows more of them', async () => {
  const { ctx } = home
  const now = ctx.now()
  const admin = await home.user({ roles: ['admin'] })
  const user = await home.user({ name: 'Eugenie Traceable' })
  const hook = { name: 'All', url: 'http://127.0.0.1:9/', events: ['*'], client_id: null, created_by: admin.user_id }
  expect(isDenial(await createWebhook(ctx, hook, { by: {}, now }))).toBe(false)
  const wish = {
    owner_id: user.user_id,
    name: 'Key of Traceable',
    rights: { by: 'name' as const, roles: [], permissions: [] },
  }
  expect(isDenial(await createKey(ctx, wish, { by, now }))).toBe(false)
  await sequenceEvents(ctx, followers)
  expect(Object.keys(await findEverywhere(home.db, 'Traceable'))).toEqual(
    expect.arrayContaining(['api_keys', 'webhook_deliveries', 'audit_events']),
  )
  await home.revoking(async (revoking) => await removeUser(revoking, user.user_id))
  await home.inbox.letter(user.email, { kind: 'account_erased' })
  await sequenceEvents(ctx, followers)
  for (const text of ['Traceable', user.email]) expect(await findEverywhere(home.db, text)).toEqual({})
  const [last] = await home.db<{ payload: { type: string; data: { user_id: string } } }[]>`
    select payload from webhook_deliveries where type = 'user.erased'`
  expect(last?.payload.data.user_id).toBe(user.user_id)
  expect(await verifyDatabase(ctx, { key: publicKeyOf(ctx), elsewhere: [] })).toMatchObject({ valid: true })
})
