/**
 * Owns what a person says of themselves: reading it, and changing it as a whole or in part. What they have to prove first
 * (address, number, password) is changed elsewhere. Start reading at `changeProfile`.
 */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { callerOf, record } from '../events/record.ts'
import type { HttpRequest } from '../http/request.ts'
import type { Subject } from '../protocol/claims.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import {
  type Address,
  addressParts,
  checkProfile,
  type Profile,
  type ProfileProblem,
  textClaims,
} from './profile-checks.ts'
import { loadSubject, lockAccount, updateUser } from './store.ts'

export { type Profile, type ProfileProblem, addressParts, textClaims } from './profile-checks.ts'

/** Members that have a column of their own; the others lie among the claims. */
const columns = ['name', 'given_name', 'family_name', 'picture', 'zoneinfo', 'locale'] as const

/** The profile of a person. What an operator has stored under these names in another form is not shown. */
export const profileOf = (subject: Subject): Profile => {
  const { claims } = subject
  const texts = textClaims.map((claim): [string, string | null] => {
    const value = isColumn(claim) ? subject[claim] : claims[claim]
    return [claim, typeof value === 'string' ? value : null]
  })
  return { ...(Object.fromEntries(texts) as Omit<Profile, 'address'>), address: addressOf(claims['address']) }
}

const isColumn = (claim: string): claim is (typeof columns)[number] => columns.some((column) => column === claim)

const addressOf = (stored: unknown): Address | null => {
  if (typeof stored !== 'object' || stored === null) return null
  const known: Record<string, unknown> = { ...stored }
  const parts = addressParts.flatMap((part): [string, string][] => {
    const value = known[part]
    return typeof value === 'string' ? [[part, value]] : []
  })
  return parts.length === 0 ? null : Object.fromEntries(parts)
}

export type ProfileProblems = Partial<Record<keyof Profile, ProfileProblem>>

export type ProfileWish = {
  user_id: string
  /** Members that are left out stay as they are. */
  change: Partial<Profile>
  /** Decides on the account as it is within the transaction of the change: another one than the caller saw, say. */
  allows?: (subject: Subject) => Denial | undefined
}

/**
 * Changes a profile. Outcome: the person as they are now, what is wrong with which member, or the refusal of `allows`. A
 * change that changes nothing is not recorded, and moves no `updated_at`.
 */
export const changeProfile = async (
  ctx: Ctx,
  request: HttpRequest,
  { user_id, change, allows = () => undefined }: ProfileWish,
): Promise<Subject | Denial | { problems: ProfileProblems }> => {
  const checked = checkProfile(change, { languages: ctx.pages.languages, today: request.now })
  if ('problems' in checked) return checked
  const outcome = await transact(ctx.db, async (tx) => {
    await lockAccount(tx, user_id)
    const subject = await loadSubject(tx, user_id)
    if (subject === undefined) return gone
    return allows(subject) ?? (await apply(tx, request, { subject, values: checked.values }))
  })
  ctx.subjects.forget(user_id)
  return outcome
}

const apply = async (
  tx: Tx,
  request: HttpRequest,
  { subject, values }: { subject: Subject; values: Partial<Profile> },
): Promise<Subject | Denial> => {
  const { now } = request
  const before = profileOf(subject)
  const changed = [...textClaims, 'address' as const].filter(
    (member) => values[member] !== undefined && !isSame(values[member], before[member]),
  )
  if (changed.length === 0) return subject
  await updateUser(tx, subject.id, rowOf(subject, values), now)
  // Which members, and never what they say: events outlive accounts.
  await record(tx, { type: 'user.updated', now, user_id: subject.id, data: { changed }, ...callerOf(request) })
  return (await loadSubject(tx, subject.id)) ?? gone
}

const isSame = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)

const rowOf = (subject: Subject, values: Partial<Profile>) => {
  const members = Object.entries(values)
  const merged = { ...subject.claims, ...Object.fromEntries(members.filter(([member]) => !isColumn(member))) }
  const claims = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== null))
  return { ...Object.fromEntries(members.filter(([member]) => isColumn(member))), claims: claims as never }
}

const gone: Denial = deny('not_found', 'There is no such account.', {
  rule: 'the account exists',
  expected: 'an account',
  got: 'none any more',
})
