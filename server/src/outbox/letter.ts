/**
 * Owns what a kind of letter is: a mail or a text message that some slice has to tell. Its definition stands in that slice
 * and in the list `letters` of app.ts; when it is sent is deliver.ts's affair. Start reading at `Letter`.
 */
import type postgres from 'postgres'
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import type { LetterView } from '../pages/letters.ts'

export type Channel = 'email' | 'sms'

/** Facts that the writer needs and that are no secret: ids, instants, an address of the network. */
export type LetterFacts = Readonly<Record<string, postgres.JSONValue>>

/** A letter that is due, as its writer sees it. `now` is the instant of this attempt. */
export type DueLetter = {
  id: string
  kind: string
  channel: Channel
  to: string
  user_id: string | undefined
  locale: string | undefined
  facts: LetterFacts
  created_at: Date
  expires_at: Date
  /** 1 at the first attempt. */
  attempts: number
  now: Date
}

/**
 * One kind of letter. Nothing is decided when it is queued: `write` runs at each attempt, looks the facts up afresh, mints
 * the codes and links of this letter in the transaction it is given, and answers undefined when there is nothing (any more)
 * to say, so that asking costs the same whether an account is there or not. After `lifeSeconds` it is not sent any more.
 */
export type Letter = {
  kind: string
  channel: Channel
  lifeSeconds: number
  /**
   * How often one address can get it. `asked`: somebody asked for it, five such letters in an hour; `code`: a one-time code,
   * three of this kind in ten minutes and ten in a day (security rule MF-3); `notice`: something happened, always told.
   */
  limit: 'asked' | 'code' | 'notice'
  write: (ctx: Ctx, tx: Tx, letter: DueLetter) => Promise<LetterView | undefined>
}

/** Defines a kind of letter. */
export const defineLetter = (letter: Letter): Letter => letter
