/**
 * Owns transactions: load, decide and apply happen in one. A refusal is a value that is returned, so what it changed
 * commits; only a thrown error rolls back.
 */
import type { Db, Tx } from './connect.ts'

/** Runs `work` in one READ COMMITTED transaction, up to three times when PostgreSQL asks to try again (deadlock, serialization). */
export const transact = async <T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return (await db.begin(work)) as T
    } catch (error) {
      if (attempt >= 3 || !mayTryAgain(error)) throw error
    }
  }
}

const mayTryAgain = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && (error.code === '40001' || error.code === '40P01')
