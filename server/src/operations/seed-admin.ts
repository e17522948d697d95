/**
 * Owns the administrator that a deployment's script asks for, again at every run: made once, then left alone. Never
 * changes an account that is there, and knows no default password (security rule AD-6).
 */
import type { Ctx } from '../ctx.ts'
import { type Denial, deny, isDenial, shown } from '../protocol/errors.ts'
import { canonicalEmail } from '../users/identifier.ts'
import { findByEmail, registerUser } from '../users/manage.ts'
import { createSetupLink } from './setup.ts'

/** The administrator, made now or before; or the one-time link with which its person chooses a password. */
export type SeededAdmin = { user_id: string; created: boolean } | { setup_link: string }

/**
 * Sees to it that the account of this address is an administrator. Refusals: `invalid_email`; `not_an_administrator` for
 * an account that is there without the role; `missing_password` when nothing can make the account; `weak_password`.
 */
export const seedAdmin = async (
  ctx: Ctx,
  { email, password }: { email: string; password: string | undefined },
): Promise<SeededAdmin | Denial> => {
  const canonical = canonicalEmail(email)
  if (canonical === undefined)
    return refuse('invalid_email', 'The email address is not valid.', 'one plain address (EM-1)', email)
  const known = await knownAdmin(ctx, canonical)
  if (known) return known
  if (password === undefined) {
    const setup_link = await createSetupLink(ctx, email)
    return setup_link === undefined ? missingPassword : { setup_link }
  }
  const made = await registerUser(ctx, { email, password, email_verified: true, roles: ['admin'] })
  if (!isDenial(made)) return { ...made, created: true }
  // Several nodes may be set up at the same moment: another one was first.
  return (made.error === 'already_exists' ? await knownAdmin(ctx, canonical) : undefined) ?? made
}

/**
 * Undefined while there is no such account. Whoever has the address already gets no rights by it: who made that account
 * may be somebody else than the operator thinks of (security rules AD-2, SO-2).
 */
const knownAdmin = async (ctx: Ctx, canonical: string): Promise<SeededAdmin | Denial | undefined> => {
  const account = await findByEmail(ctx, canonical)
  if (account === undefined) return undefined
  if (account.roles.includes('admin')) return { user_id: account.id, created: false }
  return refuse(
    'not_an_administrator',
    `There is an account ${canonical} without the role admin. If it is the right person's: keywright user roles ${canonical} --add admin`,
    'no account, or one with the role admin',
    account.roles.join(' ') || 'no role',
  )
}

const refuse = (error: string, sentence: string, expected: string, got: string): Denial =>
  deny(error, sentence, { rule: 'the administrator can be seeded', expected, got: shown(got) }, { status: 422 })

const missingPassword = refuse(
  'missing_password',
  'Somebody is an administrator already, so there is no setup link: give the password of this account with --admin-password-stdin.',
  'a password',
  'none',
)
