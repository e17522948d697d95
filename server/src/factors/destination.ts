/** Owns where the codes of a person go, and how much of that a page may show. Never sends one. */
import type { Ctx } from '../ctx.ts'
import type { Query } from '../db/connect.ts'
import { canonicalEmail } from '../users/identifier.ts'
import { maskedEmail, maskedPhone } from '../users/phone.ts'
import { loadSubject } from '../users/subject.ts'
import { findCodeFactor } from './code-store.ts'
import type { Channel } from './codes.ts'

/** `shown` is what its owner recognises and nobody else learns; `user_locale` the language of its owner's profile. */
export type CodeDestination = { address: string; shown: string; user_locale: string | null }

/**
 * Where codes of a channel go: the address of the account, as long as it is proved, and the number that was proved when text
 * messages were chosen. Undefined when there is none.
 */
export const destinationOf = async (
  query: Query,
  user_id: string,
  channel: Channel,
): Promise<CodeDestination | undefined> => {
  const owner = await loadSubject(query, user_id)
  if (owner === undefined) return undefined
  const { locale: user_locale } = owner
  if (channel === 'sms') {
    const chosen = await findCodeFactor(query, user_id, 'sms')
    return chosen && { address: chosen.destination, shown: maskedPhone(chosen.destination), user_locale }
  }
  const address = owner.email_verified && owner.email !== null ? canonicalEmail(owner.email) : undefined
  return address === undefined ? undefined : { address, shown: maskedEmail(address), user_locale }
}

/** Whether anything can be sent by a channel at all: a way out is configured, or shown in development. */
export const canSend = (ctx: Pick<Ctx, 'mailer' | 'sms'>, channel: Channel): boolean =>
  (channel === 'email' ? ctx.mailer : ctx.sms) !== undefined
