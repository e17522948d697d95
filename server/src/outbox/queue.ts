/**
 * Owns the way of a letter into the outbox, in the transaction of what it tells. Nothing is sent here, and nothing secret is
 * stored. Start reading at `queueLetter`.
 */
import type { Ctx } from '../ctx.ts'
import type { Query } from '../db/connect.ts'
import { record } from '../events/record.ts'
import { uuidv7 } from '../io/ids.ts'
import { canonicalEmail } from '../users/identifier.ts'
import type { Channel, Letter, LetterFacts } from './letter.ts'
import { countryOf, longestWindowSeconds, textMessagesPerNumber, tooMany } from './limits.ts'
import { countTextMessages, insertLetter, lettersTo, lockRecipient, lockTextMessages } from './store.ts'

/** A letter to be sent. `channel` is the one of its kind unless it says so; `locale` is the reader's (BCP 47). */
export type LetterWish = {
  kind: string
  to: string
  channel?: Channel
  user_id?: string | undefined
  locale?: string | undefined
  facts?: LetterFacts
  now: Date
}

/**
 * Queues a letter; call `ctx.outbox.nudge()` after the commit. `limited` means that its address, its country or everybody
 * has had enough letters: nothing was queued, and whoever asked must not be told more than that there may be none.
 * @throws TypeError for a kind that app.ts does not list, or an address that no slice should have let in (EM-1)
 */
export const queueLetter = async (ctx: Ctx, tx: Query, wish: LetterWish): Promise<'queued' | 'limited'> => {
  const { now } = wish
  const letter = ctx.letters.get(wish.kind)
  if (letter === undefined) throw new TypeError(`no letter of the kind ${wish.kind} is listed in app.ts`)
  const channel = wish.channel ?? letter.channel
  const recipient = canonicalRecipient(channel, wish.to)
  const to_hash = recipientHash(ctx, channel, wish.to)
  if (letter.limit !== 'notice') await lockRecipient(tx, to_hash)
  if (await isLimited(ctx, tx, { letter, to_hash, now })) return 'limited'
  if (channel === 'sms' && (await isOverSpent(ctx, tx, { to_hash, recipient, now }))) return 'limited'
  await insertLetter(tx, {
    id: uuidv7(now),
    kind: letter.kind,
    channel,
    recipient,
    recipient_hash: to_hash,
    user_id: wish.user_id ?? null,
    locale: wish.locale ?? null,
    facts: { ...wish.facts },
    created_at: now,
    due_at: now,
    expires_at: new Date(now.getTime() + letter.lifeSeconds * 1000),
  })
  return 'queued'
}

/** What stands for an address in the outbox once the address itself is forgotten. */
export const recipientHash = (ctx: Pick<Ctx, 'secrets'>, channel: Channel, to: string): Buffer =>
  ctx.secrets.mac('outbox', channel, canonicalRecipient(channel, to))

/** How many letters of these kinds an address was sent, or is to be sent, since an instant; two days back at most. */
export const lettersSince = async (
  tx: Query,
  { to_hash, kinds, since }: { to_hash: Buffer; kinds: readonly string[]; since: Date },
): Promise<number> => (await lettersTo(tx, to_hash, since)).filter(({ kind }) => kinds.includes(kind)).length

/** The canonical form is what was proved to be somebody's: what was typed may lead elsewhere (NFKC, EM-1). */
const canonicalRecipient = (channel: Channel, to: string): string => {
  const numberOrAddress = channel === 'email' ? canonicalEmail(to) : /^\+[1-9]\d{6,14}$/.exec(to)?.[0]
  if (numberOrAddress === undefined) throw new TypeError(`a letter by ${channel} cannot go to this address`)
  return numberOrAddress
}

type Facts = { to_hash: Buffer; now: Date }

const isLimited = async (ctx: Ctx, tx: Query, { letter, to_hash, now }: Facts & { letter: Letter }): Promise<boolean> =>
  letter.limit !== 'notice' &&
  tooMany(letter, await lettersTo(tx, to_hash, dayBefore(now)), { kinds: ctx.letters, now })

/** MF-3: text messages cost money, and whoever asks for them may share in it. Each limit that is hit is told once an hour. */
const isOverSpent = async (ctx: Ctx, tx: Query, facts: Facts & { recipient: string }): Promise<boolean> => {
  const { config, ephemeral } = ctx
  const { to_hash, recipient, now } = facts
  const country = countryOf(recipient)
  await lockTextMessages(tx)
  const toNumber = (await lettersTo(tx, to_hash, dayBefore(now))).filter((one) => one.channel === 'sms').length
  if (toNumber >= textMessagesPerNumber) return true
  const sent = await countTextMessages(tx, { prefix: country, since: dayBefore(now) })
  const limit = [
    config.sms_countries.length > 0 && !config.sms_countries.some((code) => recipient.startsWith(code)) && 'countries',
    sent.all >= config.sms_daily && 'daily',
    sent.prefix >= config.sms_daily_country && 'daily_country',
  ].find((name) => name !== false)
  if (limit === undefined) return false
  if (ephemeral.hit(`sms.refused|${limit}|${country}`, 3600, now).count === 1)
    await record(tx, { type: 'sms.refused', now, data: { limit, country, sent: sent.all } })
  return true
}

const dayBefore = (now: Date): Date => new Date(now.getTime() - longestWindowSeconds * 1000)
