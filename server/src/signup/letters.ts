/**
 * Owns the letter that follows a registration. Whether the address has an account is looked up here, when the letter is
 * written, and nowhere before: so the registration takes the same time for every address (security rule LI-1).
 */
import type { Ctx } from '../ctx.ts'
import { defineLetter } from '../outbox/letter.ts'
import type { LetterView } from '../pages/letters.ts'
import { accountAt } from '../users/mailbox.ts'
import { arm, lifeSeconds, textIn } from '../users/one-time.ts'
import { findInvitation } from './invitation-store.ts'
import { statusOf } from './invitations.ts'

/** A code and a link; for an address with an account the advice to sign in. What may not act gets nothing. */
export const verifyLetter = defineLetter({
  kind: 'verify_email',
  channel: 'email',
  lifeSeconds: lifeSeconds.verify_email,
  limit: 'asked',
  write: async (ctx, tx, { to, facts, now }) => {
    const account = await accountAt(tx, to)
    if (account !== undefined && account.status !== 'active') return undefined
    if (account?.email_verified === true) return registered(ctx, account.locale)
    const armed = await arm(ctx, tx, { id: textIn(facts, 'one_time') ?? '', user_id: null, credential: '', now })
    if (armed === undefined) return undefined
    return {
      subject: { key: 'letter.verify.subject' },
      paragraphs: [{ key: 'letter.verify.lead' }],
      code: armed.code,
      link: { href: `${ctx.config.issuer}/verify?token=${armed.token}`, label: { key: 'letter.verify.link' } },
      footnotes: [{ key: 'letter.verify.life' }, { key: 'letter.not_asked' }],
    }
  },
})

const registered = (ctx: Ctx, locale: string | null): LetterView => ({
  locale,
  subject: { key: 'letter.registered.subject' },
  paragraphs: [{ key: 'letter.registered.lead' }],
  link: { href: `${ctx.config.issuer}/login`, label: { key: 'letter.registered.link' } },
  footnotes: [{ key: 'letter.not_asked' }],
})

/** The link of an invitation, while that is open. It may come late, so it says until when it works. */
export const inviteLetter = defineLetter({
  kind: 'invite',
  channel: 'email',
  lifeSeconds: lifeSeconds.invite,
  limit: 'notice',
  write: async (ctx, tx, { facts, now }) => {
    const invitation = await findInvitation(tx, textIn(facts, 'invitation') ?? '')
    if (invitation === undefined || statusOf(invitation, now) !== 'open') return undefined
    const id = textIn(facts, 'one_time') ?? ''
    const armed = await arm(ctx, tx, { id, user_id: null, credential: '', now })
    if (armed === undefined) return undefined
    return {
      subject: { key: 'letter.invite.subject', params: { name: ctx.config.name } },
      paragraphs: [{ key: 'letter.invite.lead', params: { name: ctx.config.name } }],
      link: { href: `${ctx.config.issuer}/invite?token=${armed.token}`, label: { key: 'letter.invite.link' } },
      footnotes: [
        { key: 'letter.invite.life', params: { date: invitation.expires_at } },
        { key: 'letter.invite.not_expected' },
      ],
    }
  },
})
