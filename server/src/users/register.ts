/**
 * Owns the birth of an account, whoever asks for it: setup page, command line, later the sign-up page. Never signs
 * anybody in. Start reading at `createUser`.
 */
import type { Ctx } from '../ctx.ts'
import { assignRoles } from '../access/roles.ts'
import { isUniqueViolation, type Tx } from '../db/connect.ts'
import { actedBy, type By, record } from '../events/record.ts'
import { uuidv7 } from '../io/ids.ts'
import { type Denial, deny, shown } from '../protocol/errors.ts'
import { canonicalEmail, canonicalUsername, shownEmail } from './identifier.ts'
import { wasErased } from './erase.ts'
import { checkNewPassword, passwordSentence } from './new-password.ts'
import { insertUser, upsertPassword } from './store.ts'

export type Registration = {
  email?: string | undefined
  username?: string | undefined
  name?: string | undefined
  password?: string | undefined
  email_verified?: boolean
  roles?: readonly string[]
  claims?: Record<string, unknown>
}

export type Prepared = {
  id: string
  registration: Registration
  email_canonical: string | null
  username: string | null
  password_hash: string | undefined
}

/**
 * Checks a registration and hashes its password: everything that needs no transaction. Refusals: `invalid_email`,
 * `invalid_username`, `missing_identifier`, `weak_password`.
 */
export const prepareUser = async (ctx: Ctx, registration: Registration, now: Date): Promise<Prepared | Denial> => {
  const { email, username, password } = registration
  const email_canonical = email === undefined ? null : canonicalEmail(email)
  if (email_canonical === undefined)
    return refuse('invalid_email', 'The email address is not valid.', 'one plain address (EM-1)', shown(email))
  const canonical = username === undefined ? null : canonicalUsername(username)
  if (canonical === undefined)
    return refuse(
      'invalid_username',
      'The user name is not valid.',
      'letters, digits, dot, dash, underscore; no @',
      shown(username),
    )
  if (email_canonical === null && canonical === null)
    return refuse('missing_identifier', 'An email address or a user name is needed.', 'email or username', 'neither')
  const weak =
    password === undefined
      ? undefined
      : await checkNewPassword(ctx, password, [email, canonical ?? undefined, registration.name])
  if (weak) return refuse('weak_password', passwordSentence(weak), 'a password of the policy (LI-2)', weak.code)
  const password_hash = password === undefined ? undefined : await ctx.hashing.hash(password)
  return { id: uuidv7(now), registration, email_canonical, username: canonical, password_hash }
}

/** Writes a prepared account with its roles and event. Refuses with `already_exists` when address or name is taken, `unknown_role`. */
export const createUser = async (
  tx: Tx,
  prepared: Prepared,
  now: Date,
  by: By = {},
): Promise<{ user_id: string } | Denial> => {
  const { id, registration } = prepared
  // GD-1: an id that was somebody's is never another's.
  if (await wasErased(tx, id))
    return refuse('already_exists', 'There was an account with this id, and it was erased.', 'an id of its own', id)
  try {
    await tx.savepoint(async (inner) => await insertUser(inner, rowOf(prepared, now)))
  } catch (error) {
    if (!isUniqueViolation(error)) throw error
    return refuse(
      'already_exists',
      'There is an account with this address or name already.',
      'an address and a name that are free',
      shown(registration.email ?? registration.username),
    )
  }
  if (prepared.password_hash !== undefined) await upsertPassword(tx, id, prepared.password_hash, now)
  const refused = await assignRoles(tx, id, registration.roles ?? [])
  if (refused) return refused
  const told = actedBy(by, { roles: [...(registration.roles ?? [])] })
  await record(tx, { type: 'user.created', now, user_id: id, ...told })
  return { user_id: id }
}

const rowOf = ({ id, registration, email_canonical, username }: Prepared, now: Date) => ({
  id,
  username,
  email: registration.email === undefined ? null : shownEmail(registration.email),
  email_canonical,
  email_verified: registration.email_verified ?? false,
  name: registration.name ?? null,
  claims: registration.claims ?? {},
  created_at: now,
  updated_at: now,
})

const refuse = (error: string, sentence: string, expected: string, got: string): Denial =>
  deny(error, sentence, { rule: 'an account can be created', expected, got }, { status: 422 })
