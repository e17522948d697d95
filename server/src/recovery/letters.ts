/**
 * Owns the letters with which a password is set anew, and the one of an address that an administrator has changed. Who gets one
 * of the former is decided when it is written, not where it is asked for (LI-1).
 */
import { defineLetter } from '../outbox/letter.ts'
import { defineAccountLetter } from '../users/account-letter.ts'

/** For whoever asked: a link, and a code for the page on which they asked. */
export const resetLetter = defineAccountLetter({
  kind: 'reset_password',
  purpose: 'reset_password',
  path: '/reset',
  say: ({ code, href }) => ({
    subject: { key: 'letter.reset.subject' },
    paragraphs: [{ key: 'letter.reset.lead' }],
    code,
    link: { href, label: { key: 'letter.reset.link' } },
    footnotes: [{ key: 'letter.reset.life' }, { key: 'letter.not_asked' }],
  }),
})

/** From an administrator: a link alone, for there is no page on which a code would be typed. */
export const resetByAdminLetter = defineAccountLetter({
  kind: 'reset_by_admin',
  purpose: 'reset_password',
  path: '/reset',
  say: ({ href }, { config: { name } }) => ({
    subject: { key: 'letter.reset.subject' },
    paragraphs: [{ key: 'letter.reset_by_admin.lead', params: { name } }],
    link: { href, label: { key: 'letter.reset.link' } },
    footnotes: [{ key: 'letter.reset_by_admin.life' }],
  }),
})

/** To the address that the account had (users/manage.ts). A week late it still helps. */
export const emailChangedByAdminLetter = defineLetter({
  kind: 'email_changed_by_admin',
  channel: 'email',
  lifeSeconds: 7 * 86_400,
  limit: 'notice',
  write: async ({ config: { name } }) =>
    await Promise.resolve({
      subject: { key: 'warning.email_changed.subject' },
      paragraphs: [
        { key: 'warning.email_changed.lead' },
        { key: 'letter.email_changed_by_admin.ask', params: { name } },
      ],
    }),
})
