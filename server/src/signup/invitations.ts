/**
 * Owns invitations: an administrator names an address and roles, the person who has the address accepts within three days.
 * Who may give which roles is decided by the caller's surface. Start reading at `invite`.
 */
import { findUnknownRole } from '../access/roles.ts'
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { wholly } from '../db/wholly.ts'
import { actedBy, type By, callerOf, record } from '../events/record.ts'
import type { HttpRequest } from '../http/request.ts'
import { isUuid, uuidv7 } from '../io/ids.ts'
import { queueLetter } from '../outbox/queue.ts'
import { type Denial, deny, isDenial, shown } from '../protocol/errors.ts'
import { canonicalEmail } from '../users/identifier.ts'
import { accountAt, type MailAccount } from '../users/mailbox.ts'
import { findAnyLink, lifeSeconds, makeLink, openOneTime, spendLink, textIn } from '../users/one-time.ts'
import { prepareUser } from '../users/register.ts'
import { giveAccount, haveAccount } from './give-account.ts'
import {
  acceptOne,
  findInvitation,
  insertInvitation,
  type InvitationsRow,
  withdrawOfAddress,
  withdrawOpen,
} from './invitation-store.ts'
import { checkMode } from './policy.ts'
import { checkName } from './register.ts'
import { lockAddress } from './store.ts'

export { type InvitationsRow as Invitation, listInvitations } from './invitation-store.ts'

/** `invited_by` is the administrator's id; none for the operator. `locale` is the language of the letter. */
export type Invite = {
  email: string
  name?: string | undefined
  roles: readonly string[]
  invited_by?: string | undefined
  locale?: string | undefined
}

/** An invitation that was made. `link` instead of a letter, where that was asked for; it is shown once. */
export type Invited = { invitation: InvitationsRow; link: string | undefined }

/**
 * Invites an address; what was open for it is withdrawn. Refusals: `signup_closed` (403), `invalid_email`, `invalid_name`,
 * `unknown_role` (422), `already_exists` (409).
 */
export const invite = async (
  ctx: Ctx,
  wish: Invite,
  { by = {}, letter = true }: { by?: By; letter?: boolean } = {},
): Promise<Invited | Denial> => {
  const now = ctx.now()
  const address = canonicalEmail(wish.email)
  if (address === undefined) return invalidEmail(wish.email)
  const refused = checkMode(ctx.config, true) ?? checkName(wish.name) ?? checkLanguage(ctx, wish.locale)
  if (refused) return refused
  const made = await wholly(ctx.db, async (tx) => {
    const unknown = await findUnknownRole(tx, wish.roles)
    if (unknown) return unknown
    await lockAddress(tx, address)
    if ((await accountAt(tx, address))?.email_verified === true) return alreadyThere(address)
    await withdrawOfAddress(tx, address, now)
    return await write(ctx, tx, { ...wish, address, now, by, letter })
  })
  if (!isDenial(made)) ctx.outbox.nudge()
  return made
}

const checkLanguage = ({ pages }: Ctx, locale: string | undefined): Denial | undefined =>
  locale === undefined || pages.languages.includes(locale)
    ? undefined
    : deny(
        'unknown_language',
        `There are no letters in this language, only in ${pages.languages.join(', ')}.`,
        {
          rule: 'a letter is written in a language there is',
          expected: pages.languages.join(', '),
          got: shown(locale),
        },
        { status: 422 },
      )

type Write = Invite & { address: string; now: Date; by: By; letter: boolean }

const write = async (ctx: Ctx, tx: Tx, facts: Write): Promise<Invited> => {
  const { address, now, by, letter, locale, email, name, roles, invited_by } = facts
  const id = uuidv7(now)
  const row = {
    id,
    email,
    email_canonical: address,
    name: name ?? null,
    roles: [...roles],
    invited_by: invited_by ?? null,
    created_at: now,
    expires_at: new Date(now.getTime() + lifeSeconds.invite * 1000),
  }
  await insertInvitation(tx, row)
  await record(tx, { type: 'invitation.created', now, ...actedBy(by, { invitation: id, roles: [...roles] }) })
  const invitation = { ...row, accepted_at: null, withdrawn_at: null }
  const opening = { purpose: 'invite', address, data: { invitation: id }, now } as const
  if (!letter) return { invitation, link: `${ctx.config.issuer}/invite?token=${await makeLink(tx, opening)}` }
  const one_time = await openOneTime(tx, opening)
  await queueLetter(ctx, tx, { kind: 'invite', to: email, locale, facts: { one_time, invitation: id }, now })
  return { invitation, link: undefined }
}

/** Withdraws an invitation. False when it is not open (any more). */
export const withdrawInvitation = async (ctx: Ctx, id: string, by: By = {}): Promise<boolean> => {
  if (!isUuid(id)) return false
  const now = ctx.now()
  return await transact(ctx.db, async (tx) => {
    const isDone = await withdrawOpen(tx, id, now)
    if (isDone) await record(tx, { type: 'invitation.withdrawn', now, ...actedBy(by, { invitation: id }) })
    return isDone
  })
}

/** What became of an invitation, as the list shows it. */
export const statusOf = (row: InvitationsRow, now: Date): 'open' | 'accepted' | 'withdrawn' | 'expired' => {
  if (row.accepted_at !== null) return 'accepted'
  if (row.withdrawn_at !== null) return 'withdrawn'
  return row.expires_at <= now ? 'expired' : 'open'
}

/** An invitation as programs see it; nothing of its link. */
export const invitationView = (row: InvitationsRow, now: Date) => ({
  id: row.id,
  email: row.email,
  name: row.name,
  roles: row.roles,
  status: statusOf(row, now),
  invited_by: row.invited_by,
  created_at: row.created_at.toISOString(),
  expires_at: row.expires_at.toISOString(),
})

/** The invitation behind a link, without using it. Refusals: `invitation_over`, `signup_closed`, `have_account`. */
export const openInvitation = async (ctx: Ctx, token: string, now: Date): Promise<InvitationsRow | Denial> => {
  const closed = checkMode(ctx.config, true)
  if (closed) return closed
  const oneTime = await findAnyLink(ctx.db, 'invite', token)
  const invitation = oneTime && (await findInvitation(ctx.db, textIn(oneTime.data, 'invitation') ?? ''))
  if (invitation === undefined) return over.unknown
  const status = statusOf(invitation, now)
  if (status !== 'open') return over[status]
  return (await accountAt(ctx.db, invitation.email_canonical))?.email_verified === true ? haveAccount : invitation
}

/** What the invited person chose. */
export type Acceptance = { name?: string | undefined; username?: string | undefined; password: string }

/**
 * Accepts: the account has the address of the invitation, proved, and its roles. Refusals: those of `openInvitation`,
 * `invalid_name`, `invalid_username`, `weak_password`, `username_taken`.
 */
export const acceptInvitation = async (
  ctx: Ctx,
  request: HttpRequest,
  { token, acceptance }: { token: string; acceptance: Acceptance },
): Promise<MailAccount | Denial> => {
  const { now } = request
  const opened = await openInvitation(ctx, token, now)
  if (isDenial(opened)) return opened
  const { email, email_canonical: address } = opened
  const misnamed = checkName(acceptance.name)
  if (misnamed) return misnamed
  const chosen = await prepareUser(ctx, { ...acceptance, email, email_verified: true }, now)
  if (isDenial(chosen)) return chosen
  const by = callerOf(request)
  return await wholly(ctx.db, async (tx) => {
    await lockAddress(tx, address)
    const isSpent = (await spendLink(tx, 'invite', token, now)) !== undefined
    if (!isSpent || !(await acceptOne(tx, opened.id, now))) return over.accepted
    const account = await giveAccount(ctx, tx, { chosen, address, request, invited: [opened] })
    if (isDenial(account)) return account
    const data = { invitation: opened.id }
    await record(tx, { type: 'invitation.accepted', now, user_id: account.id, data, ...by })
    return account
  })
}

const refuseOver = (sentence: string, got: string): Denial =>
  deny('invitation_over', sentence, {
    rule: 'an invitation is accepted once, in time, by the person who has its address (EM-2)',
    expected: 'an open invitation',
    got,
    remedy: 'Invite the person again.',
  })

const over = {
  accepted: refuseOver('This invitation was accepted already.', 'an accepted one'),
  withdrawn: refuseOver('This invitation was withdrawn.', 'a withdrawn one'),
  expired: refuseOver('This invitation has expired.', 'an expired one'),
  unknown: refuseOver('This invitation is not known, or its link is not complete.', 'none'),
}

const invalidEmail = (email: string): Denial =>
  deny(
    'invalid_email',
    'The email address is not valid.',
    { rule: 'one plain address (EM-1)', expected: 'one plain address', got: shown(email) },
    { status: 422 },
  )

const alreadyThere = (address: string): Denial =>
  deny(
    'already_exists',
    'This address has an account already.',
    { rule: 'an address has one account', expected: 'an address without an account', got: address },
    { status: 409 },
  )
