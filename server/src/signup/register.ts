/**
 * Owns the wish to have an account. None is made: the password is hashed, the wish stored, and a letter queued that may or
 * may not be sent, for every address alike (security rule LI-1). Start reading at `askForAccount`.
 */
import type { Ctx } from '../ctx.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import type { HttpRequest } from '../http/request.ts'
import { languageOf } from '../http/language.ts'
import { type Asked, askAt } from '../login/by-mail.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { hashToken } from '../protocol/opaque-token.ts'
import { canonicalEmail } from '../users/identifier.ts'
import { lifeSeconds } from '../users/one-time.ts'
import { prepareUser } from '../users/register.ts'
import { checkMode, checkSignup } from './policy.ts'
import { insertRegistration } from './store.ts'

/** What somebody typed. */
export type Wanted = { email: string; name?: string | undefined; username?: string | undefined; password: string }

/**
 * Stores the wish and asks for the letter. Refusals, none of which depends on who has an account: `signup_closed` (403),
 * `invalid_email`, `invalid_name`, `invalid_username`, `weak_password` (422).
 */
export const askForAccount = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  { wanted, interaction_id }: { wanted: Wanted; interaction_id?: string | undefined },
): Promise<Asked | Denial> => {
  const { now } = request
  const closed = checkMode(ctx.config) ?? checkAddress(ctx, wanted.email) ?? checkName(wanted.name)
  if (closed) return closed
  const prepared = await prepareUser(ctx, wanted, now)
  if (isDenial(prepared)) return prepared
  const { id, email_canonical, username, password_hash } = prepared
  const address = email_canonical ?? ''
  return await askAt(ctx, request, browser, {
    purpose: 'verify_email',
    address,
    data: {
      registration: id,
      typed: wanted.email,
      ...(interaction_id !== undefined && { interaction: interaction_id }),
    },
    also: async (tx) =>
      await insertRegistration(tx, {
        id,
        email: wanted.email,
        email_canonical: address,
        username,
        name: wanted.name ?? null,
        locale: languageOf(ctx, request),
        password_hash: password_hash ?? null,
        browser_hash: hashToken(browser.browser),
        interaction_id: interaction_id ?? null,
        created_at: now,
        expires_at: new Date(now.getTime() + lifeSeconds.verify_email * 1000),
      }),
  })
}

/** Whether an address of this domain may become an account; what is no address is refused elsewhere. */
const checkAddress = (ctx: Ctx, email: string): Denial | undefined => {
  const canonical = canonicalEmail(email)
  return canonical === undefined ? undefined : checkSignup(ctx.config, canonical)
}

/** A name for people: one line, of any script. */
export const checkName = (name: string | undefined): Denial | undefined =>
  name === undefined || (name.trim() !== '' && name.length <= 200 && !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(name))
    ? undefined
    : deny(
        'invalid_name',
        'The name is not valid.',
        { rule: 'a name is one line', expected: 'at most 200 characters, none of control', got: 'something else' },
        { status: 422 },
      )
