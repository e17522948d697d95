/** Owns the forgetting of letters to somebody whose account is erased. Those that name the account go with it. */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import type { Channel } from './letter.ts'
import { recipientHash } from './queue.ts'
import { deleteLettersTo } from './store.ts'

/** Forgets every letter to an address or number, sent or not. */
export const forgetLetters = async (ctx: Ctx, tx: Tx, channel: Channel, to: string): Promise<void> =>
  await deleteLettersTo(tx, recipientHash(ctx, channel, to))
