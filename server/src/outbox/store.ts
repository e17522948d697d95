/** Owns the table outbox. Nothing secret lies in it, and of a finished letter neither its address nor its facts stay. */
import type postgres from 'postgres'
import type { Query } from '../db/connect.ts'
import type { OutboxRow } from '../db/tables.gen.ts'
import type { Channel } from './letter.ts'

export type NewLetter = Pick<
  OutboxRow,
  'id' | 'kind' | 'recipient' | 'recipient_hash' | 'user_id' | 'locale' | 'created_at' | 'due_at' | 'expires_at'
> & { channel: Channel; facts: postgres.JSONValue }

export const insertLetter = async (tx: Query, letter: NewLetter): Promise<void> => {
  await tx`insert into outbox ${tx(letter)}`
}

/** Lets one transaction after the other count and queue for one address, so that parallel ones do not exceed a limit. */
export const lockRecipient = async (tx: Query, to_hash: Buffer): Promise<void> => {
  await tx`select pg_advisory_xact_lock(27513, ${to_hash.readInt32BE(0)})`
}

/** The same for all text messages together. */
export const lockTextMessages = async (tx: Query): Promise<void> => {
  await tx`select pg_advisory_xact_lock(27514, 0)`
}

export type EarlierLetter = { kind: string; channel: Channel; created_at: Date }

/** What was queued for an address since an instant, whatever became of it; newest first, at most a hundred. */
export const lettersTo = async (tx: Query, to_hash: Buffer, since: Date): Promise<EarlierLetter[]> =>
  await tx<EarlierLetter[]>`
    select kind, channel, created_at from outbox
    where recipient_hash = ${to_hash} and created_at > ${since} order by created_at desc limit 100`

/** How many text messages were queued since an instant: all, and those to numbers that begin with `prefix`. */
export const countTextMessages = async (
  tx: Query,
  { prefix, since }: { prefix: string; since: Date },
): Promise<{ all: number; prefix: number }> => {
  const [row] = await tx<{ all: number; prefix: number }[]>`
    select count(*)::int as all, (count(*) filter (where starts_with(recipient, ${prefix})))::int as prefix
    from outbox where channel = 'sms' and created_at > ${since}`
  return row ?? { all: 0, prefix: 0 }
}

type Claim = { channel: Channel; kinds: readonly string[]; now: Date; until: Date; limit: number }

/**
 * Takes the letters that are due, oldest first, for whoever calls: until `until` no other node sees them as due. Whoever
 * dies meanwhile has sent them or not; then they come again.
 */
export const claimLetters = async (tx: Query, { channel, kinds, now, until, limit }: Claim): Promise<OutboxRow[]> =>
  await tx<OutboxRow[]>`
    update outbox set attempts = attempts + 1, due_at = ${until}
    where id = any (array(
      select id from outbox
      where finished_at is null and due_at <= ${now} and expires_at > ${now} and channel = ${channel} and kind = any (${kinds as string[]}::text[])
      order by due_at limit ${limit} for update skip locked))
    returning *`

/** Puts a letter back for a later attempt, at its end at the latest. */
export const postponeLetter = async (
  tx: Query,
  id: string,
  { due_at, last_error }: { due_at: Date; last_error: string },
): Promise<void> => {
  await tx`
    update outbox set due_at = least(${due_at}::timestamptz, expires_at), last_error = ${last_error}
    where id = ${id} and finished_at is null`
}

export type Finish = {
  outcome: 'sent' | 'nothing' | 'refused'
  last_error: string | null
  recipient: string
  now: Date
}

/** Ends a letter. `recipient` is what may be kept of its address. False when somebody else has ended it. */
export const finishLetter = async (tx: Query, id: string, finish: Finish): Promise<boolean> =>
  (
    await tx`
      update outbox set outcome = ${finish.outcome}, last_error = ${finish.last_error}, recipient = ${finish.recipient},
        facts = '{}', finished_at = ${finish.now}
      where id = ${id} and finished_at is null returning id`
  ).length === 1

/** Ends letters whose time is over and that nobody is sending. At most `limit`; returns them. */
export const expireLetters = async (tx: Query, now: Date, limit: number): Promise<OutboxRow[]> =>
  await tx<OutboxRow[]>`
    update outbox set outcome = 'expired', finished_at = ${now}, facts = '{}',
      recipient = case channel when 'sms' then left(recipient, 5) else '' end
    where id = any (array(
      select id from outbox where finished_at is null and expires_at <= ${now} and due_at <= ${now}
      limit ${limit} for update skip locked))
    returning *`

/** Removes letters that ended before an instant. At most `limit`; returns how many. */
export const removeFinished = async (tx: Query, before: Date, limit: number): Promise<number> => {
  const { count } = await tx`
    delete from outbox where ctid = any (array(select ctid from outbox where finished_at < ${before} limit ${limit}))`
  return count
}

/** Letters that should have gone out by now: how many, and what went wrong with the one that has waited longest. */
export const waitingLetters = async (
  tx: Query,
  before: Date,
): Promise<{ count: number; last_error: string | null }> => {
  const rows = await tx<{ last_error: string | null }[]>`
    select last_error from outbox where finished_at is null and created_at < ${before} order by due_at limit 1000`
  return { count: rows.length, last_error: rows.find((row) => row.last_error !== null)?.last_error ?? null }
}

/** What became of the newest letter to an address. */
export const latestLetter = async (
  tx: Query,
  to_hash: Buffer,
): Promise<{ outcome: string | null; last_error: string | null } | undefined> => {
  const rows = await tx<{ outcome: string | null; last_error: string | null }[]>`
    select outcome, last_error from outbox where recipient_hash = ${to_hash} order by created_at desc limit 1`
  return rows[0]
}

/** Deletes what was to be sent to an address, or was sent: to whom, and how often, is nobody's business any more. */
export const deleteLettersTo = async (tx: Query, to_hash: Buffer): Promise<void> => {
  await tx`delete from outbox where recipient_hash = ${to_hash}`
}
