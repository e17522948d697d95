/** Owns the letters about a person's own account: its deletion, its address, the copy of its data. */
import { defineLetter, type Letter, type LetterFacts } from '../outbox/letter.ts'
import { accountAt } from '../users/mailbox.ts'
import { arm } from '../users/one-time.ts'

const daySeconds = 86_400

const textOf = (fact: LetterFacts[string] | undefined): string => (typeof fact === 'string' ? fact : '')

/** Tells that an account will be deleted, with the link that calls it off. Once that was done there is nothing to say. */
const erasureRequested = defineLetter({
  kind: 'erasure_requested',
  channel: 'email',
  lifeSeconds: 7 * daySeconds,
  limit: 'notice',
  write: async (ctx, tx, { facts, user_id = null, now }) => {
    const armed = await arm(ctx, tx, { id: textOf(facts['one_time']), user_id, credential: '', now })
    if (armed === undefined) return undefined
    const { name } = ctx.config
    const time = new Date(textOf(facts['erase_after']))
    return {
      subject: { key: 'letter.erasure_requested.subject', params: { name } },
      paragraphs: [
        { key: 'letter.erasure_requested.lead', params: { name, time } },
        { key: 'letter.erasure_requested.ended' },
        { key: 'letter.erasure_requested.keep' },
      ],
      link: {
        href: `${ctx.config.issuer}/keep-account?token=${armed.token}`,
        label: { key: 'letter.erasure_requested.link' },
      },
      footnotes: [{ key: 'letter.erasure_requested.once' }],
    }
  },
})

/** The last letter to somebody whose account is gone. It names nobody: there is nobody left to name. */
const accountErased = defineLetter({
  kind: 'account_erased',
  channel: 'email',
  lifeSeconds: 2 * daySeconds,
  limit: 'notice',
  write: async (ctx) =>
    await Promise.resolve({
      subject: { key: 'letter.account_erased.subject', params: { name: ctx.config.name } },
      paragraphs: [{ key: 'letter.account_erased.lead', params: { name: ctx.config.name } }],
      footnotes: [{ key: 'letter.account_erased.nothing_left' }],
    }),
})

/**
 * The code for a new address. Whether somebody else has it is looked up here and nowhere before: then the mailbox is told
 * that it has an account, and not who asked (security rules EM-2, LI-1).
 */
const changeEmail = defineLetter({
  kind: 'change_email',
  channel: 'email',
  lifeSeconds: 600,
  limit: 'code',
  write: async (ctx, tx, { to, facts, user_id = null, now }) => {
    const { name } = ctx.config
    const holder = await accountAt(tx, to)
    if (holder !== undefined && holder.id !== user_id) {
      return {
        subject: { key: 'letter.email_taken.subject', params: { name } },
        paragraphs: [{ key: 'letter.email_taken.lead', params: { name } }, { key: 'letter.email_taken.do' }],
        link: { href: `${ctx.config.issuer}/login`, label: { key: 'letter.registered.link' } },
        footnotes: [{ key: 'letter.not_asked' }],
      }
    }
    const [id, credential] = [textOf(facts['one_time']), textOf(facts['credential'])]
    const armed = await arm(ctx, tx, { id, user_id, credential, now })
    if (armed === undefined) return undefined
    return {
      subject: { key: 'letter.change_email.subject', params: { name } },
      paragraphs: [{ key: 'letter.change_email.lead', params: { name } }],
      code: armed.code,
      footnotes: [{ key: 'letter.factor_code.lifetime' }, { key: 'letter.change_email.not_you', params: { name } }],
    }
  },
})

/** Tells that a copy of the data is there. The link leads its owner to it, who has to be signed in. */
const exportReady = defineLetter({
  kind: 'export_ready',
  channel: 'email',
  lifeSeconds: daySeconds,
  limit: 'notice',
  write: async (ctx, tx, { facts, user_id = null, now }) => {
    const armed = await arm(ctx, tx, { id: textOf(facts['one_time']), user_id, credential: '', now })
    if (armed === undefined) return undefined
    const { name } = ctx.config
    return {
      subject: { key: 'letter.export_ready.subject', params: { name } },
      paragraphs: [{ key: 'letter.export_ready.lead', params: { name } }, { key: 'letter.export_ready.not_you' }],
      link: {
        href: `${ctx.config.issuer}/account/data/download?token=${armed.token}`,
        label: { key: 'letter.export_ready.link' },
      },
      footnotes: [{ key: 'letter.export_ready.once' }],
    }
  },
})

/** The kinds of letters of this slice, for app.ts. */
export const accountLetters: readonly Letter[] = [changeEmail, exportReady, erasureRequested, accountErased]
