/**
 * Owns the moment in which an account comes to be: its address was proved, by a code in the browser that asked or by the
 * link of the letter in any browser. The first who proves an address has it (security rules SO-2, G-2). Pages and API end
 * here. Start reading at `finishByCode` and `finishByLink`.
 */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { wholly } from '../db/wholly.ts'
import { callerOf, record } from '../events/record.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import type { HttpRequest } from '../http/request.ts'
import { sameBytes } from '../io/secrets.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { hashToken, type PlainToken } from '../protocol/opaque-token.ts'
import { accountAt, type MailAccount } from '../users/mailbox.ts'
import { deadLink, makeLink, type OneTime, peekLink, spendLink, textIn } from '../users/one-time.ts'
import { type Prepared, prepareUser } from '../users/register.ts'
import { giveAccount, haveAccount } from './give-account.ts'
import { checkSignup } from './policy.ts'
import { checkName } from './register.ts'
import { completeRegistration, findRegistration, lockAddress, type RegistrationsRow } from './store.ts'

/** An account that has just come to be, with what a sign-in needs. */
export type Born = { account: MailAccount; interaction_id: string | null }

/** What is chosen on the page of a link; what is missing is taken from the registration where that is safe. */
export type Choice = { name?: string | undefined; username?: string | undefined; password?: string | undefined }

/** A link that may be used now. `own`: in the browser that registered; then the password chosen there counts. */
export type OpenLink = { oneTime: OneTime; registration: RegistrationsRow; own: boolean }

/** Looks at a link without using it. Refusals: `dead_link`, `have_account` when the address belongs to an account by now. */
export const openLink = async (
  ctx: Ctx,
  browser: BrowserPrincipal,
  { token, now }: { token: string; now: Date },
): Promise<OpenLink | Denial> => {
  const oneTime = await peekLink(ctx.db, 'verify_email', token, now)
  const registration = oneTime && (await findRegistration(ctx.db, textIn(oneTime.data, 'registration') ?? '', now))
  if (oneTime === undefined || registration === undefined) return deadLink
  if ((await accountAt(ctx.db, registration.email_canonical))?.email_verified === true) return haveAccount
  return { oneTime, registration, own: isOwn(registration, browser) }
}

const isOwn = (registration: RegistrationsRow, browser: BrowserPrincipal): boolean =>
  sameBytes(registration.browser_hash, hashToken(browser.browser))

/**
 * After a right code, which is used up by now. Where the user name is taken the answer has a link for the page on which
 * another one is chosen. Refusals: `dead_link`, `have_account`, `signup_closed`.
 */
export const finishByCode = async (
  ctx: Ctx,
  request: HttpRequest,
  oneTime: OneTime,
): Promise<Born | Denial | { token: PlainToken; denial: Denial }> => {
  const { now } = request
  const id = textIn(oneTime.data, 'registration') ?? ''
  const registration = await findRegistration(ctx.db, id, now)
  if (registration === undefined) return deadLink
  const chosen = preparedOf(registration)
  const born = await giveBirth(ctx, request, { chosen, registration, spend: async () => await Promise.resolve(true) })
  if (!isDenial(born) || born.error !== 'username_taken') return born
  const { address, data } = oneTime
  const opening = { purpose: 'verify_email', address: address ?? undefined, data, life_seconds: 1800, now } as const
  return { token: await makeLink(ctx.db, opening), denial: born }
}

/**
 * With the link of the letter. In another browser the password that was typed with the registration is nobody's: whoever
 * typed it may have typed somebody else's address (SO-2). Refusals: those of `openLink`, `username_taken`,
 * `invalid_username`, `invalid_name`, `weak_password`; the link stays good after the last four.
 */
export const finishByLink = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  { token, choice }: { token: string; choice: Choice },
): Promise<Born | Denial> => {
  const { now } = request
  const opened = await openLink(ctx, browser, { token, now })
  if (isDenial(opened)) return opened
  const { registration, own } = opened
  const chosen = await choose(ctx, request, { registration, choice, own })
  if (isDenial(chosen)) return chosen
  const spend = async (tx: Tx): Promise<boolean> => (await spendLink(tx, 'verify_email', token, now)) !== undefined
  return await giveBirth(ctx, request, { chosen, registration, spend })
}

const preparedOf = (row: RegistrationsRow): Prepared => ({
  id: row.id,
  registration: { email: row.email, name: row.name ?? undefined, email_verified: true },
  email_canonical: row.email_canonical,
  username: row.username,
  password_hash: row.password_hash ?? undefined,
})

type Choosing = { registration: RegistrationsRow; choice: Choice; own: boolean }

const choose = async (ctx: Ctx, request: HttpRequest, { registration, choice, own }: Choosing) => {
  const stored = preparedOf(registration)
  const isBare = choice.name === undefined && choice.username === undefined && choice.password === undefined
  if (own && isBare) return stored
  const misnamed = checkName(choice.name)
  if (misnamed) return misnamed
  if (!own && choice.password === undefined) return noPassword
  const wanted = { email: registration.email, ...choice, email_verified: true }
  const prepared = await prepareUser(ctx, wanted, request.now)
  if (isDenial(prepared)) return prepared
  const password_hash = prepared.password_hash ?? (own ? stored.password_hash : undefined)
  return { ...prepared, id: registration.id, password_hash }
}

const noPassword: Denial = deny(
  'weak_password',
  'A password is needed.',
  { rule: 'a password of the policy (LI-2)', expected: 'a password', got: 'too_short' },
  { status: 422 },
)

type Birth = { chosen: Prepared; registration: RegistrationsRow; spend: (tx: Tx) => Promise<boolean> }

const giveBirth = async (ctx: Ctx, request: HttpRequest, facts: Birth): Promise<Born | Denial> => {
  const { registration, chosen, spend } = facts
  const { now } = request
  const address = registration.email_canonical
  const closed = checkSignup(ctx.config, address)
  if (closed) return closed
  const by = callerOf(request)
  return await wholly(ctx.db, async (tx) => {
    await lockAddress(tx, address)
    const isSpent = await spend(tx)
    const taken = await completeRegistration(tx, registration.id, now)
    if (!isSpent || taken === undefined) return deadLink
    const account = await giveAccount(ctx, tx, { chosen, address, request })
    if (isDenial(account)) return account
    await record(tx, { type: 'registration.completed', now, user_id: account.id, ...by })
    return { account, interaction_id: taken.interaction_id }
  })
}
