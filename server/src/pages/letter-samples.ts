/**
 * Owns realistic letters, one for each way a letter can look. Used to prove an operator's template at start, and by tests.
 * Never sent. Start reading at `letterSamples`.
 */
import type { LetterView } from './letters.ts'

const subject = { key: 'login.title' } as const
const lead = { key: 'login.to_client', params: { client: 'Acme Analytics' } } as const
const long = { key: 'login.error.expired_restarted_do' } as const
const href = 'https://id.example.com/verify?token=kw_ve_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH'

/** A code and a link; a link alone; a notice with facts and small print; as little as there can be. */
export const letterSamples: readonly [LetterView, ...LetterView[]] = [
  {
    subject,
    paragraphs: [lead, long],
    code: '123456',
    link: { href, label: { key: 'login.submit' } },
    footnotes: [long],
  },
  { subject, paragraphs: [lead], link: { href, label: { key: 'login.submit' } } },
  {
    subject,
    paragraphs: [long],
    facts: [
      {
        label: { key: 'account.current' },
        value: { key: 'browser.on_system', params: { browser: 'Firefox', system: 'Linux' } },
      },
      { label: { key: 'login.login' }, value: new Date('2026-11-20T16:40:00Z') },
    ],
    link: { href, label: { key: 'login.again_submit' } },
    footnotes: [lead, long],
  },
  { subject, paragraphs: [lead] },
]
