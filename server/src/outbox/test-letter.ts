/** Owns the letter with which an operator tries whether mail arrives, and what came of it. Start reading at `sendTestLetter`. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Ctx } from '../ctx.ts'
import { type Denial, deny, shown } from '../protocol/errors.ts'
import { canonicalEmail } from '../users/identifier.ts'
import { deliver } from './deliver.ts'
import { defineLetter } from './letter.ts'
import { queueLetter, recipientHash } from './queue.ts'
import { latestLetter } from './store.ts'

/** What the outbox knows of the letter: `sent`, `refused`, or still `waiting`, with the reason. */
export type TestOutcome = { to: string; outcome: string; reason: string | null }

export const mailTest = defineLetter({
  kind: 'mail_test',
  channel: 'email',
  lifeSeconds: 300,
  limit: 'notice',
  write: async (ctx, _tx, letter) =>
    await Promise.resolve({
      subject: { key: 'letter.test_subject', params: { name: ctx.config.name } },
      paragraphs: [{ key: 'letter.test_lead' }],
      link: { href: `${ctx.config.issuer}/`, label: { key: 'letter.test_link' } },
      facts: [{ label: { key: 'letter.test_queued' }, value: letter.created_at }],
    }),
})

/**
 * Queues the letter and, where a mail server is configured, sends it from here, for at most ten seconds. Without one the
 * running server shows it, so here it only waits. Denial: not one plain address.
 */
export const sendTestLetter = async (ctx: Ctx, address: string): Promise<TestOutcome | Denial> => {
  const to = canonicalEmail(address)
  if (to === undefined)
    return deny('invalid_request', 'This is not a mail address.', {
      rule: 'one plain address (EM-1)',
      expected: 'name@example.com',
      got: shown(address),
    })
  await queueLetter(ctx, ctx.db, { kind: mailTest.kind, to, now: ctx.now() })
  const until = performance.now() + 10_000
  for (;;) {
    if (ctx.config.smtp_url !== undefined) await deliver(ctx, 'email')
    const state = await latestLetter(ctx.db, recipientHash(ctx, 'email', to))
    const isOver = state?.outcome !== null || ctx.config.smtp_url === undefined || performance.now() > until
    if (isOver) return { to, outcome: state?.outcome ?? 'waiting', reason: state?.last_error ?? null }
    await sleep(250)
  }
}
