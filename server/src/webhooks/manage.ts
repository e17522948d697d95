/**
 * Owns the life of endpoints: made, changed, rotated, paused, resumed, removed. Whose an endpoint is has been decided by whoever
 * calls (routes.ts). Start reading at `createWebhook`.
 */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import type { EventType } from '../events/catalog.ts'
import { actedBy, type By, record } from '../events/record.ts'
import { uuidv7 } from '../io/ids.ts'
import { checkTarget } from '../io/outbound.ts'
import { type Denial, deny, isDenial, shown } from '../protocol/errors.ts'
import { isPattern } from './message.ts'
import { newSecret } from './secrets.ts'
import { countWebhooks, deleteWebhook, insertWebhook, lockWebhook, updateWebhook, type Webhook } from './store.ts'

export type { Webhook } from './store.ts'

export type NewWebhook = {
  name: string
  description?: string | null | undefined
  url: string
  events: readonly string[]
  /** Of an application: events of that one alone. */
  client_id: string | null
  created_by: string
}

/** Who does it, and what has to hold of the endpoint as it is within the transaction. */
export type WebhookActor = {
  by: By
  now: Date
  guard: (tx: Tx, row: Webhook) => Promise<Denial | undefined> | Denial | undefined
}

/** An endpoint with its secret, which nobody is shown again. */
export type MadeWebhook = { row: Webhook; secret: string }

const mostOfAClient = 10
const most = 1000

/** Makes an endpoint. Refusals: `invalid_request` for an address that must not be called, `too_many_webhooks`. */
export const createWebhook = async (
  ctx: Ctx,
  wish: NewWebhook,
  { by, now }: Pick<WebhookActor, 'by' | 'now'>,
): Promise<MadeWebhook | Denial> => {
  const refused = await checkWish(ctx, wish)
  if (refused) return refused
  const id = uuidv7(now)
  const { secret, secret_sealed } = newSecret(ctx, id)
  const { name, description = null, url, events, client_id, created_by } = wish
  return await transact(ctx.db, async (tx) => {
    if ((await countWebhooks(tx, client_id)) >= (client_id === null ? most : mostOfAClient)) return tooMany
    const names = { name: name.trim(), description, url, events: [...new Set(events)] }
    await insertWebhook(tx, { id, ...names, client_id, secret_sealed, created_by, created_at: now, updated_at: now })
    await note(tx, 'webhook.created', { id, client_id, by, now, data: { name: names.name, events: names.events } })
    const row = await lockWebhook(tx, id)
    if (row === undefined) throw new Error('a webhook that was just made is not there')
    return { row, secret }
  })
}

export type WebhookChange = {
  name?: string | undefined
  description?: string | null | undefined
  url?: string | undefined
  events?: string[] | undefined
}

/** Changes an endpoint. Another address does not get what waits for the former one by surprise: it is the same endpoint, asked by its owner. */
export const changeWebhook = async (
  ctx: Ctx,
  { id, change }: { id: string; change: WebhookChange },
  actor: WebhookActor,
): Promise<Webhook | Denial> => {
  const refused = await checkWish(ctx, change)
  if (refused) return refused
  return await changing(ctx, id, actor, async (tx, { client_id }) => {
    const values = Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
    await updateWebhook(tx, id, { ...values, updated_at: actor.now })
    await note(tx, 'webhook.updated', { id, client_id, ...actor, data: { changed: Object.keys(values) } })
  })
}

/** Gives an endpoint a new secret; the former one signs too for `overlapSeconds`. */
export const rotateWebhookSecret = async (
  ctx: Ctx,
  { id, overlapSeconds }: { id: string; overlapSeconds: number },
  actor: WebhookActor,
): Promise<MadeWebhook | Denial> => {
  const { now } = actor
  const { secret, secret_sealed } = newSecret(ctx, id)
  const row = await changing(ctx, id, actor, async (tx, before) => {
    const former = {
      previous_sealed: before.secret_sealed,
      previous_until: new Date(now.getTime() + overlapSeconds * 1000),
    }
    await updateWebhook(tx, id, { secret_sealed, ...former, updated_at: now })
    const { client_id } = before
    await note(tx, 'webhook.secret_rotated', { id, client_id, ...actor, data: { overlap_seconds: overlapSeconds } })
  })
  return isDenial(row) ? row : { row, secret }
}

/** Pauses or resumes an endpoint. What waited goes on; what happened meanwhile was not queued (`replay` catches up). */
export const setPaused = async (
  ctx: Ctx,
  { id, paused }: { id: string; paused: boolean },
  actor: WebhookActor,
): Promise<Webhook | Denial> =>
  await changing(ctx, id, actor, async (tx, { client_id, status }) => {
    if ((status === 'paused') === paused) return
    const state = paused
      ? { status: 'paused', paused_because: 'asked' }
      : { status: 'active', paused_because: null, failing_since: null }
    await updateWebhook(tx, id, { ...state, updated_at: actor.now })
    await note(tx, paused ? 'webhook.paused' : 'webhook.resumed', {
      id,
      client_id,
      ...actor,
      data: { because: 'asked' },
    })
  })

/** Removes an endpoint with all that it was to be told. */
export const removeWebhook = async (ctx: Ctx, id: string, actor: WebhookActor): Promise<Denial | undefined> => {
  const result = await transact(ctx.db, async (tx) => {
    const row = await lockWebhook(tx, id)
    const refused = row === undefined ? noSuchWebhook : await actor.guard(tx, row)
    if (refused || row === undefined) return refused
    await deleteWebhook(tx, id)
    await note(tx, 'webhook.deleted', { id, client_id: row.client_id, ...actor, data: { name: row.name } })
    return undefined
  })
  return result
}

const changing = async (
  ctx: Ctx,
  id: string,
  { guard }: WebhookActor,
  work: (tx: Tx, row: Webhook) => Promise<void>,
): Promise<Webhook | Denial> =>
  await transact(ctx.db, async (tx) => {
    const row = await lockWebhook(tx, id)
    if (row === undefined) return noSuchWebhook
    const refused = await guard(tx, row)
    if (refused) return refused
    await work(tx, row)
    return (await lockWebhook(tx, id)) ?? noSuchWebhook
  })

type Noted = {
  id: string
  client_id: string | null
  by: By
  now: Date
  data: NonNullable<Parameters<typeof actedBy>[1]>
}

const note = async (
  tx: Tx,
  type: Extract<EventType, `webhook.${string}`>,
  { id, client_id, by, now, data }: Noted,
): Promise<void> => {
  await record(tx, { type, now, client_id: client_id ?? undefined, ...actedBy(by, { webhook: id, ...data }) })
}

/** WH-1: an address that would be refused at each call is refused here, with the reason. */
const checkWish = async (ctx: Ctx, { name, url, events }: WebhookChange | NewWebhook): Promise<Denial | undefined> => {
  if (name !== undefined && (name.trim() === '' || /\p{C}/u.test(name)))
    return invalid('a name of printable characters', shown(name))
  const unknown = events?.find((pattern) => !isPattern(pattern))
  if (unknown !== undefined)
    return invalid('event types of the catalogue, such as user.created, user.* or *', shown(unknown))
  return url === undefined ? undefined : await checkUrl(ctx, url)
}

const checkUrl = async (ctx: Ctx, url: string): Promise<Denial | undefined> => {
  if (!URL.canParse(url)) return invalid('an address', shown(url))
  try {
    await checkTarget(url, ctx.config.outbound_allow)
    return undefined
  } catch (error) {
    return invalid('an https address of the public internet', error instanceof Error ? error.message : 'something else')
  }
}

const invalid = (expected: string, got: string): Denial =>
  deny('invalid_request', `The webhook cannot be so: expected ${expected}.`, {
    rule: 'a webhook leads to the public internet and names events that there are (WH-1)',
    expected,
    got,
  })

export const noSuchWebhook: Denial = deny('not_found', 'There is no such webhook.', {
  rule: 'the webhook exists and is the caller’s',
  expected: 'the id of a webhook of theirs',
  got: 'another one',
})

const tooMany: Denial = deny(
  'too_many_webhooks',
  'There are as many webhooks as there may be.',
  {
    rule: 'webhooks are counted',
    expected: `at most ${mostOfAClient} of one application, ${most} of the server`,
    got: 'one more',
  },
  { status: 409 },
)
