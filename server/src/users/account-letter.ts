/**
 * Owns letters whose link acts on the one account that has their address. Whether there is one, and whether it may act, is
 * looked up when the letter is written and nowhere before (security rule LI-1); its link and code are bound to the account
 * as it is then (RC-1).
 */
import type { Ctx } from '../ctx.ts'
import { defineLetter, type DueLetter, type Letter } from '../outbox/letter.ts'
import type { LetterView } from '../pages/letters.ts'
import { accountAt } from './mailbox.ts'
import { arm, lifeSeconds, type Purpose, textIn } from './one-time.ts'

/** `path`: where the link leads. `say`: what the letter says, with its code and the address of its link. */
export type AccountLetter = {
  kind: string
  purpose: Purpose
  path: `/${string}`
  say: (secrets: { code: string; href: string }, ctx: Ctx, letter: DueLetter) => Omit<LetterView, 'locale'>
}

/** Defines such a letter. Nobody gets one for an unknown address, nor for an account that may not act: it would lead nowhere. */
export const defineAccountLetter = ({ kind, purpose, path, say }: AccountLetter): Letter =>
  defineLetter({
    kind,
    channel: 'email',
    lifeSeconds: lifeSeconds[purpose],
    limit: 'asked',
    write: async (ctx, tx, letter) => {
      const { to, facts, now } = letter
      const account = await accountAt(tx, to)
      // A letter for somebody stays theirs: the address may be another's by now.
      if (account?.status !== 'active' || (letter.user_id ?? account.id) !== account.id) return undefined
      const { id: user_id, credential, locale } = account
      const armed = await arm(ctx, tx, { id: textIn(facts, 'one_time') ?? '', user_id, credential, now })
      if (armed === undefined) return undefined
      const href = `${ctx.config.issuer}${path}?token=${armed.token}`
      return { locale, ...say({ code: armed.code, href }, ctx, letter) }
    },
  })
