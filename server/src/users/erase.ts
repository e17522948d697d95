/**
 * Owns the real end of an account: the row goes and everything with it, in every table; what stays is its id, in the list of
 * the erased and in events that say no more than that something happened (security rules GD-1, GD-2;
 * docs/adr/0014-erasure.md). Start reading at `eraseAccount`.
 */
import { forgetRequests } from '../authorize/forget.ts'
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { blankDecisions, blankEventsOf } from '../events/forget.ts'
import { record } from '../events/record.ts'
import { forgetFailures } from '../login/forget.ts'
import { forgetLetters } from '../outbox/forget.ts'
import { queueLetter } from '../outbox/queue.ts'
import { forgetInviter, forgetSignups } from '../signup/forget.ts'
import { forgetTokens } from '../token/families.ts'
import { forgetMessages } from '../webhooks/forget.ts'
import { appendErasures, readErasures } from './erasure-file.ts'
import { holdDue, insertErasures, listDue, listErasures, listReturned } from './erasure-store.ts'
import { deleteUser, findMailable, type Mailable } from './store.ts'

export { wasErased } from './erasure-store.ts'

/**
 * Erases an account within a transaction that holds it. Its sessions and tokens have ended before. The person is told, by a
 * letter that belongs to no account; its address is forgotten when it is sent.
 */
export const eraseAccount = async (
  ctx: Ctx,
  tx: Tx,
  { user_id, now, told = true }: { user_id: string; now: Date; told?: boolean },
): Promise<undefined> => {
  const person = await findMailable(tx, user_id)
  if (person === undefined) return undefined
  await forgetTraces(ctx, tx, person)
  await deleteUser(tx, user_id)
  await insertErasures(tx, [{ user_id, erased_at: now }])
  await record(tx, { type: 'user.erased', now, user_id })
  const { email, email_verified, locale } = person
  if (told && email !== null && email_verified)
    await queueLetter(ctx, tx, { kind: 'account_erased', to: email, locale: locale ?? undefined, now })
  return undefined
}

/** What no foreign key takes along. */
const forgetTraces = async (ctx: Ctx, tx: Tx, person: Mailable): Promise<void> => {
  const { id: user_id, email, email_canonical, username, phone_number } = person
  const names = [email_canonical, username].filter((name) => name !== null)
  await forgetTokens(tx, user_id)
  await forgetRequests(tx, { user_id, address: email_canonical })
  await forgetFailures(ctx, tx, { user_id, logins: names })
  if (email_canonical !== null) await forgetSignups(tx, email_canonical)
  await forgetInviter(tx, user_id)
  await blankEventsOf(tx, user_id)
  await forgetMessages(tx, user_id)
  for (const word of names) await blankDecisions(tx, word)
  if (email !== null) await forgetLetters(ctx, tx, 'email', email)
  if (phone_number !== null) await forgetLetters(ctx, tx, 'sms', phone_number)
}

const batch = 50

/** Erases the accounts whose time is up, each in a transaction of its own; for the job in app.ts. */
export const eraseDue = async (ctx: Ctx): Promise<void> => {
  for (const user_id of await listDue(ctx.db, ctx.now(), batch)) {
    const now = ctx.now()
    try {
      await transact(ctx.db, async (tx) => {
        if (await holdDue(tx, user_id, now)) await eraseAccount(ctx, tx, { user_id, now })
      })
    } catch (error) {
      // One that cannot be erased keeps nobody else waiting: it comes first again next time.
      ctx.log.error({ user_id, err: error }, 'account cannot be erased')
    }
    ctx.subjects.forget(user_id)
    ctx.outbox.nudge()
  }
  // Those that an administrator has erased meanwhile, too.
  await keepList(ctx, new Date(ctx.now().getTime() - lookBackMs))
}

/** Longer than the pause of the job, by far. */
const lookBackMs = 3_600_000

/**
 * Erases again whoever is there though they were erased: a backup was restored. Before the first request is answered. The
 * list itself may be older than the file that is kept outside of the database, so it is completed from there first.
 */
export const replayErasures = async (ctx: Ctx): Promise<number> => {
  await insertErasures(ctx.db, await readErasures(ctx.config))
  const returned = await listReturned(ctx.db)
  for (const user_id of returned) {
    const now = ctx.now()
    await transact(ctx.db, async (tx) => await eraseAccount(ctx, tx, { user_id, now, told: false }))
  }
  await keepList(ctx, new Date(0))
  return returned.length
}

/** Writes to the file what only the database knows. A file that cannot be written keeps nobody from being erased. */
const keepList = async (ctx: Ctx, since: Date): Promise<void> => {
  try {
    await appendErasures(ctx.config, await listErasures(ctx.db, since))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    ctx.log.warn({ reason }, 'the list of erased accounts could not be written beside the database')
  }
}
