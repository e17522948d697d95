/**
 * Owns the ceiling of what somebody may do to others: nobody gives a permission they do not hold, and nobody acts on
 * somebody who holds one that they lack (security rule AD-2). Which of these an act asks is said by can.ts. Pure.
 */
import { type Denial, deny } from '../protocol/errors.ts'

/** Whoever or whatever holds permissions: somebody, a role, a group. */
export type Holder = { permissions: readonly string[] }
type Gated = { id: string; status: string }

/** Refuses what would give permissions that the giver does not hold. */
export const mayGive = (giver: Holder, permissions: readonly string[]): Denial | undefined => {
  const beyond = permissions.filter((one) => !giver.permissions.includes(one))
  return beyond.length === 0
    ? undefined
    : refuse('You cannot give rights that you do not hold.', 'permissions that the giver holds', beyond.join(' '))
}

/** Refuses to act on somebody, or something, that holds more than the one who acts. */
export const mayActOn = (
  actor: Holder,
  target: Holder,
  sentence = 'This person has rights that you do not have.',
): Denial | undefined => {
  const beyond = target.permissions.filter((one) => !actor.permissions.includes(one))
  return beyond.length === 0
    ? undefined
    : refuse(sentence, 'one without further permissions than the actor', beyond.join(' '))
}

/** Refuses to act as somebody who holds as much as oneself, or more (security rule AD-4). */
export const mayActAs = (actor: Holder & { id: string }, target: Holder & { id: string }): Denial | undefined => {
  const denial = mayActOn(actor, target)
  if (denial) return denial
  const isLess = target.id !== actor.id && target.permissions.length < actor.permissions.length
  return isLess
    ? undefined
    : refuse('You can act as people with fewer rights than yours only.', 'a person with fewer permissions', 'as many')
}

/**
 * Whether somebody who began to act as another may go on: both rights may have changed since. Asked at each use of what came
 * of it (security rules AD-4, G-3).
 */
export const mayGoOnActing = (actor: (Holder & Gated) | undefined, target: Holder & Gated): boolean =>
  actor?.status === 'active' && actor.permissions.includes('users:impersonate') && mayActAs(actor, target) === undefined

const refuse = (sentence: string, expected: string, got: string): Denial =>
  deny(
    'beyond_ceiling',
    sentence,
    { rule: 'nobody acts beyond their own permissions (AD-2)', expected, got },
    { status: 403 },
  )
