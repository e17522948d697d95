/**
 * Owns the way of a message to its endpoint: at least once, on whichever node takes it first, each endpoint in a queue of its
 * own so that a slow one keeps nobody waiting; again and again for more than a day; through the guarded outbound client alone
 * (security rules WH-1, WH-2). Never calls out inside a transaction. Start reading at `deliverWebhooks`.
 */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { record } from '../events/record.ts'
import { call } from '../io/outbound.ts'
import { queueLetter } from '../outbox/queue.ts'
import { loadSubject } from '../users/subject.ts'
import { type Attempt, claimDeliveries, type Claimed, dueWebhooks, finishAttempt } from './delivery-store.ts'
import { nextAttempt, verdict } from './schedule.ts'
import { signedHeaders } from './sign.ts'
import { openSecrets } from './secrets.ts'
import { loadWebhook, noteFailure, noteSuccess, pauseWebhook, type Webhook } from './store.ts'

/** Endpoints that one node serves at the same time, and messages that each of them gets at the same time. */
const endpointsAtOnce = 50
const parallel = 4
const timeoutMs = 10_000
/** How long a message that is being sent is nobody else's: longer than any attempt takes. */
export const leaseMs = 60_000

/** Endpoints that this node serves at the moment. */
const served = new WeakMap<Ctx, Map<string, Promise<void>>>()

/** Begins to serve every endpoint that has something due. Resolves without waiting for them: the next turn begins others. */
export const deliverWebhooks = async (ctx: Ctx): Promise<void> => {
  const busy = served.get(ctx) ?? new Map<string, Promise<void>>()
  served.set(ctx, busy)
  const free = endpointsAtOnce - busy.size
  if (free <= 0 || ctx.draining()) return
  for (const id of await dueWebhooks(ctx.db, ctx.now(), endpointsAtOnce * 2)) {
    if (busy.has(id) || busy.size >= endpointsAtOnce) continue
    busy.set(
      id,
      serve(ctx, id)
        .catch((error: unknown) => ctx.log.warn({ webhook: id, reason: String(error) }, 'webhook waits'))
        .finally(() => busy.delete(id)),
    )
  }
}

/** Resolves when everything that this node has begun to send has ended. */
export const deliveriesEnded = async (ctx: Ctx): Promise<void> => {
  const begun = [...(served.get(ctx)?.values() ?? [])]
  await Promise.all(begun)
}

const serve = async (ctx: Ctx, webhook_id: string): Promise<void> => {
  for (;;) {
    if (ctx.draining()) return
    const now = ctx.now()
    const until = new Date(now.getTime() + leaseMs)
    const claimed = await claimDeliveries(ctx.db, { webhook_id, now, until, limit: parallel })
    await Promise.all(claimed.map(async (delivery) => await deliverOne(ctx, delivery)))
    if (claimed.length < parallel) return
  }
}

/** One attempt, and what it means for the message and its endpoint. */
export const deliverOne = async (ctx: Ctx, delivery: Claimed): Promise<Attempt | undefined> => {
  const webhook = await loadWebhook(ctx.db, delivery.webhook_id)
  if (webhook === undefined) return undefined
  const attempt = await send(ctx, webhook, delivery)
  await transact(ctx.db, async (tx) => await conclude(ctx, tx, { webhook, delivery, attempt }))
  return attempt
}

/** RFC 9110 §15.3: done is what answers with 2xx. Redirects are not followed; what the answer says is nobody's business (WH-1). */
const send = async (ctx: Ctx, webhook: Webhook, { id, payload }: Claimed): Promise<Attempt> => {
  const now = ctx.now()
  const started = performance.now()
  const ended = (status: number | null, error: string | null): Attempt => ({
    at: now.toISOString(),
    status,
    error,
    ms: Math.round(performance.now() - started),
  })
  try {
    const body = JSON.stringify(payload)
    const message = { id: `msg_${id}`, timestampSeconds: Math.floor(now.getTime() / 1000), body }
    const { status } = await call(webhook.url, {
      method: 'POST',
      headers: { 'user-agent': 'Keywright', accept: '*/*', ...signedHeaders(message, openSecrets(ctx, webhook, now)) },
      body: { text: body, type: 'application/json' },
      timeoutMs,
      guard: { allow: ctx.config.outbound_allow },
    })
    return ended(status, status >= 200 && status < 300 ? null : `answered ${status}`)
  } catch (error) {
    return ended(null, error instanceof Error ? error.message.slice(0, 200) : 'no answer')
  }
}

type Ending = { webhook: Webhook; delivery: Claimed; attempt: Attempt }

const conclude = async (ctx: Ctx, tx: Tx, { webhook, delivery, attempt }: Ending): Promise<void> => {
  const now = ctx.now()
  if (attempt.error === null) {
    await finishAttempt(tx, delivery.id, { attempt, status: 'delivered', due_at: undefined, now })
    return await noteSuccess(tx, webhook.id, now)
  }
  const due_at = nextAttempt(delivery.attempts, now, Math.random())
  await finishAttempt(tx, delivery.id, { attempt, status: due_at ? 'waiting' : 'failed', due_at, now })
  const failing_since = await noteFailure(tx, webhook.id, now)
  const because = verdict({ status: attempt.status, failing_since }, now)
  if (because) await giveUp(ctx, tx, { webhook, because, now })
}

/** Stops to call an endpoint, and tells whoever made it. What waits, waits until it is resumed. */
const giveUp = async (
  ctx: Ctx,
  tx: Tx,
  { webhook, because, now }: { webhook: Webhook; because: 'gone' | 'failing'; now: Date },
): Promise<void> => {
  const { id, client_id, name, created_by } = webhook
  if (!(await pauseWebhook(tx, { id, because, now }))) return
  await record(tx, { type: 'webhook.paused', now, client_id: client_id ?? undefined, data: { webhook: id, because } })
  const maker = created_by === null ? undefined : await loadSubject(tx, created_by)
  if (maker?.email_verified !== true || maker.email === null) return
  const facts = { name, because }
  await queueLetter(ctx, tx, {
    kind: 'webhook_paused',
    to: maker.email,
    user_id: maker.id,
    locale: maker.locale ?? undefined,
    facts,
    now,
  })
}
