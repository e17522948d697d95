/** Owns the letters that carry codes: what a code is for, they say, so that nobody is talked into reading it out. */
import type { Ctx } from '../ctx.ts'
import { type DueLetter, defineLetter, type Letter, type LetterFacts } from '../outbox/letter.ts'
import type { LetterView } from '../pages/letters.ts'
import { arm } from '../users/one-time.ts'

const lifeSeconds = 600

/** The code is made now, and lies nowhere in plain; written again, it is another one. */
const write = async (
  ctx: Ctx,
  tx: Parameters<Letter['write']>[1],
  { facts, user_id, now, channel }: DueLetter,
): Promise<LetterView | undefined> => {
  const armed = await arm(ctx, tx, {
    id: textOf(facts['one_time']),
    user_id: user_id ?? null,
    credential: textOf(facts['credential']),
    now,
  })
  if (armed === undefined) return undefined
  const { code } = armed
  const { name } = ctx.config
  const subject = { key: 'letter.factor_code.subject', params: { name } } as const
  if (channel === 'sms') return { subject, paragraphs: [{ key: 'letter.factor_code.sms', params: { code } }], code }
  const use = facts['purpose'] === 'factor' ? 'sign_in' : 'address'
  return {
    subject,
    paragraphs: [{ key: `letter.factor_code.${use}`, params: { name } }],
    code,
    footnotes: [{ key: 'letter.factor_code.lifetime' }, { key: `letter.factor_code.${use}_not_you`, params: { name } }],
  }
}

const textOf = (fact: LetterFacts[string] | undefined): string => (typeof fact === 'string' ? fact : '')

/** The kinds of letters of this slice, for app.ts. */
export const factorLetters: readonly Letter[] = [
  defineLetter({ kind: 'factor_code', channel: 'email', lifeSeconds, limit: 'code', write }),
  defineLetter({ kind: 'factor_code_sms', channel: 'sms', lifeSeconds, limit: 'code', write }),
]
