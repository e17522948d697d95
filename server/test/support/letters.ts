/** Owns letters for the tests of the outbox itself: one of each kind of limit, with wording that is there anyway. */
import { randomInt } from 'node:crypto'
import { type DueLetter, defineLetter, type Letter } from '../../src/outbox/letter.ts'

/** What the writers were asked for, newest last, and what they answer. */
export type TestLetters = { kinds: readonly Letter[]; asked: DueLetter[]; codes: string[] }

/** Three kinds: test_asked with a link, test_code with a code that is new at each attempt, test_notice with facts. */
export const testLetters = (): TestLetters => {
  const asked: DueLetter[] = []
  const codes: string[] = []
  const note = (letter: DueLetter): void => void asked.push(letter)
  const subject = { key: 'login.title' } as const
  const paragraphs = [{ key: 'login.to_name', params: { name: 'Ada & <Bob>' } } as const]
  const kinds = [
    defineLetter({
      kind: 'test_asked',
      channel: 'email',
      lifeSeconds: 3600,
      limit: 'asked',
      write: async (ctx, tx, letter) => {
        note(letter)
        if (letter.user_id !== undefined) await tx`select 1 from users where id = ${letter.user_id}`
        if (letter.facts['silent'] === true) return undefined
        const host = typeof letter.facts['host'] === 'string' ? letter.facts['host'] : ctx.config.issuer
        const href = `${host}/verify?token=${letter.id}`
        return { subject, paragraphs, link: { href, label: { key: 'login.submit' } } }
      },
    }),
    defineLetter({
      kind: 'test_code',
      channel: 'email',
      lifeSeconds: 600,
      limit: 'code',
      write: async (_ctx, _tx, letter) => {
        note(letter)
        const code = String(randomInt(100_000, 1_000_000))
        codes.push(code)
        return await Promise.resolve({ subject, paragraphs, code })
      },
    }),
    defineLetter({
      kind: 'test_notice',
      channel: 'email',
      lifeSeconds: 86_400,
      limit: 'notice',
      write: async (_ctx, _tx, letter) => {
        note(letter)
        const facts = [{ label: { key: 'login.login' } as const, value: letter.now }]
        return await Promise.resolve({ subject, paragraphs, facts, footnotes: paragraphs })
      },
    }),
  ]
  return { kinds, asked, codes }
}
