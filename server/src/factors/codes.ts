/**
 * Owns codes by mail and text message: how one is sent, how it is tried. A code is bound to its person, its purpose, the
 * browser and what is going on there, so that it is worth nothing anywhere else (security rule MF-3). Start at `sendCode`.
 */
import type { Ctx } from '../ctx.ts'
import type { Query } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { queueLetter } from '../outbox/queue.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { hashToken } from '../protocol/opaque-token.ts'
import {
  type CodeOutcome,
  dropOneTime,
  findBound,
  type OneTime,
  openOneTime,
  type Purpose,
  tryCode,
  voidBound,
} from '../users/one-time.ts'

export type Channel = 'email' | 'sms'

/** What a code is for, and where it may be typed: `transaction` names one sign-in, or one change of one factor. */
export type CodePlace = { user_id: string; purpose: Purpose; browser: string; transaction: string; now: Date }

export type Sending = CodePlace & {
  channel: Channel
  /** A proved address, or one that its owner is about to prove. */
  address: string
  credential: string
  locale: string | undefined
}

const lifeSeconds = 600
const daySeconds = 86_400
/** Codes that one person can have sent in a day, wherever to. */
const mostOfPerson = 30

/**
 * Sends a new code; the one before it is void from then on. Refuses with `too_many_codes` (429) when the address has had
 * three in ten minutes, or ten in a day: then the last one stays good.
 */
export const sendCode = async (ctx: Ctx, sending: Sending): Promise<Denial | undefined> => {
  const { channel, address, user_id, purpose, credential, locale, now } = sending
  // Whoever tries one number after the other spends somebody's money (MF-3).
  if (ctx.ephemeral.hit(`codes|${user_id}`, daySeconds, now).count > mostOfPerson) return tooMany
  const bound = boundOf(sending)
  const outcome = await transact(ctx.db, async (tx) => {
    const opening = { ...bound, address, credential, data: { channel }, life_seconds: lifeSeconds, now }
    const id = await openOneTime(tx, opening)
    const facts = { one_time: id, credential, purpose }
    const queued = await queueLetter(ctx, tx, { kind: kinds[channel], to: address, user_id, locale, facts, now })
    if (queued === 'queued') await voidBound(tx, bound, id)
    else await dropOneTime(tx, id)
    return queued
  })
  if (outcome === 'limited') return tooMany
  ctx.outbox.nudge()
  return undefined
}

/** The kinds of letters that carry codes (letters.ts). */
const kinds: Record<Channel, string> = { email: 'factor_code', sms: 'factor_code_sms' }

/** The code that is on its way to this place, if there is one: where it was sent tells `address`. */
export const sentCode = async (query: Query, place: CodePlace): Promise<OneTime | undefined> =>
  await findBound(query, boundOf(place), place.now)

/** Tries a code; the try is counted before anything is compared, so call it outside of a transaction. */
export const trySentCode = async (ctx: Ctx, place: CodePlace, code: string): Promise<CodeOutcome> => {
  const sent = await sentCode(ctx.db, place)
  if (sent?.id == null) return { outcome: 'dead' }
  const { bound_to, purpose } = boundOf(place)
  return await tryCode(ctx, ctx.db, { id: sent.id, purpose, code, bound_to, now: place.now })
}

const boundOf = ({ user_id, purpose, browser, transaction }: CodePlace) => ({
  user_id,
  purpose,
  bound_to: hashToken(`${browser}|${transaction}`),
})

const tooMany: Denial = deny(
  'too_many_codes',
  'No more codes can be sent right now. Use the last one, or wait.',
  {
    rule: 'three codes in ten minutes and ten in a day for each address (MF-3)',
    expected: 'fewer codes',
    got: 'another one',
    remedy: 'Wait ten minutes, or use another way to confirm.',
  },
  { status: 429, retry_after_seconds: 600 },
)

/** Of a code that was tried too often, has expired or was replaced: a new one has to be sent. */
export const deadCode: Denial = deny(
  'expired_code',
  'This code does not work any more. Ask for a new one.',
  {
    rule: 'a code lives ten minutes and bears five tries (MF-3)',
    expected: 'a code that is alive',
    got: 'none that is',
    remedy: 'Have a new code sent.',
  },
  { status: 401 },
)
