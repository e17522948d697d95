/**
 * Owns the challenges of WebAuthn ceremonies: random, for one browser, one ceremony and, where it is known, one person, spent
 * once within five minutes (security rule PK-1).
 */
import type { Ctx } from '../ctx.ts'
import { secretText } from '../io/ids.ts'
import { hashToken } from '../protocol/opaque-token.ts'
import { type Ceremony, insertChallenge, spendChallenge } from './passkey-store.ts'

export { type Ceremony, removeChallenges } from './passkey-store.ts'

/** How long a ceremony may take; browsers are told the same. */
export const ceremonyMs = 300_000

export type ChallengeFor = {
  ceremony: Ceremony
  /** What the ceremony is bound to: the browser cookie, or the session of an application that calls for the person. */
  bound_to: string
  /** Whose passkey it has to be; undefined where the passkey is to tell. */
  user_id?: string | undefined
  now: Date
}

/** Makes a challenge. */
export const makeChallenge = async (ctx: Ctx, facts: ChallengeFor): Promise<string> => {
  const challenge = secretText()
  await insertChallenge(ctx.db, {
    ...rowOf(challenge, facts),
    created_at: facts.now,
    expires_at: new Date(facts.now.getTime() + ceremonyMs),
  })
  return challenge
}

/**
 * Spends one, in a statement of its own that commits: what is refused afterwards has used it up. `user_id` is whose passkey it
 * may have asked for; the answer tells whether it did.
 */
export const spend = async (
  ctx: Ctx,
  challenge: string,
  facts: ChallengeFor,
): Promise<{ user_id: string | null } | undefined> =>
  await spendChallenge(ctx.db, { ...rowOf(challenge, facts), now: facts.now })

const rowOf = (challenge: string, { ceremony, bound_to, user_id }: ChallengeFor) => ({
  challenge_hash: hashToken(challenge),
  purpose: ceremony,
  browser_hash: hashToken(bound_to),
  user_id: user_id ?? null,
})
