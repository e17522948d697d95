/**
 * Owns the watch over what happens: a follower that counts for each rule, and raises an alert when there are too many within its
 * window; at most one in a window. Start reading at `watchRules`.
 */
import { administratorsToTell } from '../access/roles.ts'
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { type Follower, manyOf, type SequencedEvent } from '../events/followers.ts'
import { record } from '../events/record.ts'
import { queueLetter } from '../outbox/queue.ts'
import { addHits, type AlertRule, enabledRules, markRaised, type Match } from './alert-store.ts'
import { alertLetter } from './alert-letter.ts'
import { typesNamed } from './filter.ts'

/** What a rule has found. */
export type Alert = { rule: AlertRule; count: number; last: SequencedEvent; now: Date }

/** Tells of an alert in another way than by mail, for a rule that names a webhook; within the transaction. */
export type DeliverAlert = (ctx: Ctx, tx: Tx, alert: Alert) => Promise<void>

const mostRules = 500
const stepMs = 10_000

/** The follower. */
export const watchRules =
  (deliverAlert?: DeliverAlert): Follower =>
  async (ctx, tx, events) => {
    const now = ctx.now()
    for (const rule of await enabledRules(tx, mostRules)) {
      const since = new Date(now.getTime() - rule.window_seconds * 1000)
      const found = events.filter((event) => isMeant(rule, event) && new Date(event.at) > since)
      const last = found.at(-1)
      if (last === undefined || (rule.raised_at !== null && rule.raised_at > since)) continue
      const hits = found.reduce((sum, event) => sum + manyOf(event), 0)
      const step = new Date(now.getTime() - (now.getTime() % stepMs))
      const count = await addHits(tx, rule.id, { step, hits, since })
      if (count >= rule.threshold) await raise(ctx, tx, { rule, count, last, now }, deliverAlert)
    }
  }

/** An alert is never the reason of another one. */
const isMeant = (rule: AlertRule, event: SequencedEvent): boolean =>
  event.type !== 'alert.raised' &&
  rule.event_types.some((name) => typesNamed(name).some((type) => type === event.type)) &&
  (rule.client_id === null || rule.client_id === event.client_id) &&
  (rule.matches === null || rule.matches.some((match) => holds(event.data, match)))

const holds = (data: SequencedEvent['data'], match: Match): boolean =>
  Object.entries(match).every(([name, wanted]) => {
    const value = data[name]
    if (typeof wanted === 'string') return value === wanted
    return Array.isArray(value) && wanted.every((one) => value.includes(one))
  })

const raise = async (ctx: Ctx, tx: Tx, alert: Alert, deliverAlert: DeliverAlert | undefined): Promise<void> => {
  const { rule, count, last, now } = alert
  await markRaised(tx, rule.id, now)
  const data = { rule_id: rule.id, rule: rule.name, count, event_id: last.id, event_type: last.type }
  await record(tx, { type: 'alert.raised', now, client_id: rule.client_id ?? undefined, data })
  const facts = { rule: rule.name, count, type: last.type, at: last.at }
  for (const reader of await readersOf(tx, rule))
    await queueLetter(ctx, tx, { kind: alertLetter.kind, ...reader, facts, now })
  if (rule.webhook_id !== null) await deliverAlert?.(ctx, tx, alert)
  ctx.outbox.nudge()
}

type Reader = { to: string; user_id?: string; locale?: string | undefined }

const readersOf = async (tx: Tx, { mail_to }: AlertRule): Promise<Reader[]> =>
  mail_to.length > 0 ? mail_to.map((to) => ({ to })) : await administratorsToTell(tx)
