/**
 * Owns the letter with which an administrator lets somebody choose a new password; administrators never choose one for others
 * (security rule AD-6). Nothing of the account changes until its person does so. Start reading at `sendReset`.
 */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { actedBy, type By, record } from '../events/record.ts'
import { queueLetter } from '../outbox/queue.ts'
import type { Subject } from '../protocol/claims.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { tooManyLetters } from '../login/by-mail.ts'
import { canonicalEmail } from '../users/identifier.ts'
import { openOneTime } from '../users/one-time.ts'
import { noSuchUser, refuseNow } from '../users/still-may.ts'
import { loadSubject } from '../users/subject.ts'

/**
 * Sends the letter to the address of the account. Refusals: `no_address`, `not_active` (409), `too_many_letters` (429), and
 * those of still-may.ts.
 */
export const sendReset = async (
  ctx: Ctx,
  { id: user_id }: Pick<Subject, 'id'>,
  by: By = {},
): Promise<Denial | undefined> => {
  const refused = await transact(ctx.db, async (tx) => {
    const denial = await refuseNow(tx, { actor_id: by.actor_id, user_id })
    if (denial) return denial
    const account = await loadSubject(tx, user_id)
    return account === undefined ? noSuchUser : await queueReset(ctx, tx, { account, by })
  })
  ctx.outbox.nudge()
  return refused
}

const queueReset = async (
  ctx: Ctx,
  tx: Tx,
  { account, by }: { account: Subject; by: By },
): Promise<Denial | undefined> => {
  const { id: user_id, email: to, locale, status } = account
  const address = to === null ? undefined : canonicalEmail(to)
  if (to === null || address === undefined) return noAddress
  if (status !== 'active') return notActive(status)
  const now = ctx.now()
  const one_time = await openOneTime(tx, { purpose: 'reset_password', user_id, address, now })
  const letter = { kind: 'reset_by_admin', to, user_id, locale: locale ?? undefined, facts: { one_time }, now }
  const queued = await queueLetter(ctx, tx, letter)
  await record(tx, { type: 'recovery.sent', now, user_id, ...actedBy(by, { queued: queued === 'queued' }) })
  return queued === 'limited' ? tooManyLetters : undefined
}

const noAddress: Denial = deny(
  'no_address',
  'This account has no email address.',
  {
    rule: 'a password is reset by a letter (AD-6)',
    expected: 'an account with an email address',
    got: 'one without',
    remedy: 'Give the account an address first.',
  },
  { status: 409 },
)

const notActive = (status: string): Denial =>
  deny(
    'not_active',
    'This account may not sign in.',
    { rule: 'letters lead somewhere', expected: 'an active account', got: status, remedy: 'Enable the account first.' },
    { status: 409 },
  )
