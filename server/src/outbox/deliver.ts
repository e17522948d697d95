/**
 * Owns the way of a letter out of the outbox: at least once, on whichever node takes it first, again and again until it is
 * sent, refused for good, or too old. Never sends inside a transaction. Start reading at `deliver`.
 */
import type { Ctx } from '../ctx.ts'
import type { OutboxRow } from '../db/tables.gen.ts'
import { transact } from '../db/transact.ts'
import { record } from '../events/record.ts'
import { Refused } from '../io/refused.ts'
import type { LetterView } from '../pages/letters.ts'
import type { Channel, DueLetter, Letter, LetterFacts } from './letter.ts'
import { countryOf } from './limits.ts'
import { claimLetters, expireLetters, finishLetter, postponeLetter } from './store.ts'

/** Letters that one node sends at the same time, by one channel. */
const parallel = 4
/** How long a letter that is being sent is nobody else's: longer than any attempt takes. After a crash it comes again. */
const leaseSeconds = 90
/** Pauses after failed attempts, in seconds; the last one repeats until the letter is too old. */
const pauses = [1, 5, 30, 120, 600]

/** Sends what is due by one channel, until nothing is. */
export const deliver = async (ctx: Ctx, channel: Channel): Promise<void> => {
  if ((channel === 'email' ? ctx.mailer : ctx.sms) === undefined) return
  // A letter of a newer release is left to its nodes.
  const kinds = [...ctx.letters.keys()]
  for (;;) {
    if (ctx.draining()) return
    const now = ctx.now()
    const until = new Date(now.getTime() + leaseSeconds * 1000)
    const rows = await claimLetters(ctx.db, { channel, kinds, now, until, limit: parallel })
    await Promise.all(rows.map(async (row) => await deliverOne(ctx, channel, row)))
    if (rows.length < parallel) return
  }
}

/** Ends what could not be sent in time, with an event for each. A code that comes too late helps nobody. */
export const endLate = async (ctx: Ctx): Promise<void> => {
  const now = ctx.now()
  await transact(ctx.db, async (tx) => {
    for (const { kind, channel, user_id, attempts, last_error } of await expireLetters(tx, now, 500)) {
      const data = { kind, outcome: 'expired', attempts, reason: last_error }
      const type = channel === 'sms' ? failed.sms : failed.email
      await record(tx, { type, now, user_id: user_id ?? undefined, data })
    }
  })
}

const failed = { email: 'mail.failed', sms: 'sms.failed' } as const

type Waiting = { outcome: 'later'; reason: string }
type Ending = { outcome: 'sent' | 'nothing' } | { outcome: 'refused'; reason: string } | Waiting

const deliverOne = async (ctx: Ctx, channel: Channel, row: OutboxRow): Promise<void> => {
  const ending = await attempt(ctx, channel, row)
  const now = ctx.now()
  if (ending.outcome === 'later') {
    const seconds = pauses[Math.min(row.attempts, pauses.length) - 1] ?? 1
    ctx.log.warn({ letter: row.id, kind: row.kind, attempts: row.attempts, reason: ending.reason }, 'letter waits')
    const due_at = new Date(now.getTime() + seconds * 1000)
    return await postponeLetter(ctx.db, row.id, { due_at, last_error: ending.reason })
  }
  const reason = 'reason' in ending ? ending.reason : null
  // The country is still counted; the number is nobody's business any more.
  const recipient = channel === 'sms' ? countryOf(row.recipient) : ''
  await transact(ctx.db, async (tx) => {
    const isOurs = await finishLetter(tx, row.id, { outcome: ending.outcome, last_error: reason, recipient, now })
    if (!isOurs || ending.outcome !== 'refused') return
    const data = { kind: row.kind, outcome: ending.outcome, attempts: row.attempts, reason }
    await record(tx, { type: failed[channel], now, user_id: row.user_id ?? undefined, data })
  })
}

/** One attempt: write, then send. Whatever fails is a reason, so that one letter never keeps the others waiting. */
const attempt = async (ctx: Ctx, channel: Channel, row: OutboxRow): Promise<Ending> => {
  const letter = ctx.letters.get(row.kind)
  if (letter === undefined) return { outcome: 'later', reason: 'this release does not know the kind' }
  const view = await written(ctx, letter, dueLetter(ctx, channel, row))
  if (view === undefined || 'outcome' in view) return view ?? { outcome: 'nothing' }
  try {
    await send(ctx, channel, { row, view })
    return { outcome: 'sent' }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    // A server may repeat the address in its answer; nobody else shall keep it.
    const told = without(row.recipient, reason)
    return error instanceof Refused ? { outcome: 'refused', reason: told } : { outcome: 'later', reason: told }
  }
}

const send = async (ctx: Ctx, channel: Channel, { row, view }: { row: OutboxRow; view: LetterView }): Promise<void> => {
  const { code, link } = view
  const about = { kind: row.kind, ...(code !== undefined && { code }), ...(link && { link: link.href }) }
  const locale = ctx.pages.localeOf({ user_locale: view.locale, accept_language: row.locale })
  const host = new URL(ctx.config.issuer).hostname
  const to = row.recipient
  if (channel === 'sms') return await ctx.sms?.send({ to, text: ctx.pages.textMessage(view, { locale, host }), about })
  const message_id = `${row.id}${holdsSecret(view) ? `.${row.attempts}` : ''}@${host}`
  await ctx.mailer?.send({ to, ...ctx.pages.letter(view, locale), message_id, about })
}

/**
 * The name of a letter (RFC 5322 §3.6.4) is the same at each attempt, so that a mailbox can drop a second copy; but a secret
 * is new each time and voids the one before, so that such a copy is another letter and must arrive.
 */
const holdsSecret = ({ code, link }: LetterView): boolean =>
  code !== undefined || (link !== undefined && new URL(link.href).searchParams.has('token'))

const without = (address: string, text: string): string =>
  text.replaceAll(new RegExp(address.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), 'giu'), '…')

/** A writer that throws is a bug of its slice, or the database is away: the letter waits, and the log says why. */
const written = async (ctx: Ctx, letter: Letter, due: DueLetter): Promise<LetterView | Waiting | undefined> => {
  try {
    const view = await transact(ctx.db, async (tx) => await letter.write(ctx, tx, due))
    // RC-2: whatever a request said of hosts, a letter leads to the issuer.
    if (view?.link !== undefined && !view.link.href.startsWith(`${ctx.config.issuer}/`))
      throw new TypeError('the link of a letter leads away from the issuer')
    return view
  } catch (error) {
    ctx.log.error({ letter: due.id, kind: due.kind, err: error }, 'letter cannot be written')
    return { outcome: 'later', reason: 'it could not be written' }
  }
}

const dueLetter = (ctx: Ctx, channel: Channel, row: OutboxRow): DueLetter => ({
  id: row.id,
  kind: row.kind,
  channel,
  to: row.recipient,
  user_id: row.user_id ?? undefined,
  locale: row.locale ?? undefined,
  facts: row.facts as LetterFacts,
  created_at: row.created_at,
  expires_at: row.expires_at,
  attempts: row.attempts,
  now: ctx.now(),
})
