/**
 * Owns the question what a person has to prove before one of their second steps is taken away (security rule MF-4): whoever has
 * got hold of one factor cannot remove another one, nor that one itself. Pure.
 */
import type { FactorKind } from './policy.ts'

export type RemovalFacts = {
  removed: Exclude<FactorKind, 'password' | 'backup_code'>
  /** What the person can prove without the one that is removed; one of the same kind counts when there are two. */
  kinds: readonly FactorKind[]
  /** What the fresh sign-in has proved, which is there in any case (security rule LI-4). */
  amr: readonly string[]
  /** There is a proved address that a code can be sent to. */
  can_mail: boolean
}

/** How the removal is confirmed. */
export type RemovalProof =
  /** The sign-in itself has proved a passkey, and something else is removed. */
  | { proof: 'given' }
  /** One of these. */
  | { proof: 'factor'; kinds: FactorKind[] }
  /** It is the only one: a code to the address of the account stands beside the sign-in. */
  | { proof: 'mail' }
  /** Nothing else is there: an administrator has to help. */
  | { proof: 'none' }

/**
 * Decides it. The sign-in counts as one proof; the other is a second step that stays. Where none stays, a mailed code has to do:
 * so losing a telephone does not lock anybody out who has a backup code or can read their mail.
 */
export const removalProof = ({ removed, kinds, amr, can_mail }: RemovalFacts): RemovalProof => {
  if (removed !== 'passkey' && (amr.includes('swk') || amr.includes('hwk'))) return { proof: 'given' }
  const others = kinds.filter((kind) => kind !== 'passkey' && !(kind === 'password' && amr.includes('pwd')))
  if (others.length > 0) return { proof: 'factor', kinds: others }
  // Codes by mail that are to be removed are no proof of their own removal, unless there is nothing else at all.
  return can_mail ? { proof: 'mail' } : { proof: 'none' }
}
