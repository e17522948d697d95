/** Owns the letter with which a password is set anew. Who gets one is decided here, not where it is asked for (LI-1). */
import { defineLetter } from '../outbox/letter.ts'
import { accountAt } from '../users/mailbox.ts'
import { arm, lifeSeconds, textIn } from '../users/one-time.ts'

/** A link and a code. None for an unknown address, and none for an account that may not act: it would lead nowhere. */
export const resetLetter = defineLetter({
  kind: 'reset_password',
  channel: 'email',
  lifeSeconds: lifeSeconds.reset_password,
  limit: 'asked',
  write: async (ctx, tx, { to, facts, now }) => {
    const account = await accountAt(tx, to)
    if (account?.status !== 'active') return undefined
    const { id: user_id, credential } = account
    const armed = await arm(ctx, tx, { id: textIn(facts, 'one_time') ?? '', user_id, credential, now })
    if (armed === undefined) return undefined
    return {
      locale: account.locale,
      subject: { key: 'letter.reset.subject' },
      paragraphs: [{ key: 'letter.reset.lead' }],
      code: armed.code,
      link: { href: `${ctx.config.issuer}/reset?token=${armed.token}`, label: { key: 'letter.reset.link' } },
      footnotes: [{ key: 'letter.reset.life' }, { key: 'letter.not_asked' }],
    }
  },
})
