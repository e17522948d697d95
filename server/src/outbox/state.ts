/** Owns what operators are told of letters that wait. */
import type { Ctx } from '../ctx.ts'
import { waitingLetters } from './store.ts'

/** A minute: a mail server that asks to come back later has been asked three times by then. */
const patienceMs = 60_000

/** Letters that were queued more than a minute ago and are still here, a thousand at most, and why. */
export const overdueLetters = async (ctx: Ctx): Promise<{ count: number; last_error: string | null }> =>
  await waitingLetters(ctx.db, new Date(ctx.now().getTime() - patienceMs))
