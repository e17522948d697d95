/** Owns transactions that a refusal rolls back: for operations that write before they can refuse. */
import { type Denial, isDenial } from '../protocol/errors.ts'
import type { Db, Tx } from './connect.ts'
import { transact } from './transact.ts'

/** Runs work in a transaction; when it ends in a refusal, nothing has happened. */
export const wholly = async <T>(db: Db, work: (tx: Tx) => Promise<T | Denial>): Promise<T | Denial> =>
  await transact(db, async (tx) => {
    const result = await work(tx)
    if (isDenial(result)) throw new Undone(result)
    return result
  }).catch((error: unknown) => {
    if (error instanceof Undone) return error.denial
    throw error
  })

/** Carries a refusal out of the transaction that it rolls back. */
class Undone extends Error {
  override name = 'Undone'
  readonly denial: Denial
  constructor(denial: Denial) {
    super(denial.error_description)
    this.denial = denial
  }
}
