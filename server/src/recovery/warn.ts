/**
 * Owns the telling of a person that something happened to their account which a thief would do (security rule LI-4), with a
 * way to say that it was not them. What the letter says is warnings.ts's. Start reading at `warn`.
 */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { letterLanguageOf } from '../http/language.ts'
import type { HttpRequest } from '../http/request.ts'
import { queueLetter } from '../outbox/queue.ts'
import { canonicalEmail } from '../users/identifier.ts'
import { openOneTime } from '../users/one-time.ts'
import { loadSubject } from '../users/subject.ts'

/** What can have happened; each is a kind of letter. */
export const warningKinds = [
  'new_device',
  'password_changed',
  'email_changed',
  'factor_added',
  'factor_removed',
  'passkey_added',
  'passkey_removed',
  'api_key_added',
  'backup_code_used',
] as const
export type WarningKind = (typeof warningKinds)[number]

export type Warning = {
  kind: WarningKind
  user_id: string
  now: Date
  /** The request that did it; none for a command of an operator. */
  request?: HttpRequest | undefined
  /** `email_changed`: the address that the account had, which gets the way back. */
  old_email?: string
  /** `factor_added`, `factor_removed`: which. */
  factor?: 'totp' | 'sms' | 'email' | 'backup_code'
  /** `passkey_added`, `passkey_removed`, `api_key_added`: what its owner calls it. */
  name?: string
  /** `backup_code_used`: how many are left. */
  left?: number
}

/**
 * Queues the letter in the transaction of what it tells. It goes to an address that was proved and to no other: whoever
 * reads it can take the account back. Call `ctx.outbox.nudge()` after the commit, or the letter waits a second.
 */
export const warn = async (ctx: Ctx, tx: Tx, warning: Warning): Promise<void> => {
  const { kind, user_id, now, request, old_email } = warning
  const subject = await loadSubject(tx, user_id)
  const to = old_email ?? (subject?.email_verified === true ? subject.email : null)
  const address = to === null ? undefined : canonicalEmail(to)
  if (subject === undefined || to === null || address === undefined) return
  const purpose = kind === 'email_changed' ? 'undo_email' : 'not_me'
  const one_time = await openOneTime(tx, { purpose, user_id, address, now })
  const reader = { user_locale: subject.locale }
  await queueLetter(ctx, tx, {
    kind,
    to,
    user_id,
    locale: request === undefined ? (subject.locale ?? undefined) : letterLanguageOf(ctx, request, reader),
    facts: factsOf(ctx, warning, one_time),
    now,
  })
}

const factsOf = (ctx: Ctx, { request, now, factor, name, left }: Warning, one_time: string) => ({
  one_time,
  at: now.toISOString(),
  ...(request && {
    ip: request.ip,
    user_agent: request.user_agent ?? null,
    place: ctx.places.find(request.ip) ?? null,
  }),
  ...(factor !== undefined && { factor }),
  ...(name !== undefined && { name }),
  ...(left !== undefined && { left }),
})
