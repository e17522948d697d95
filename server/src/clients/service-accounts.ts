/**
 * Owns which applications act with the rights of a service account. What such an account loses, tokens of these lose too:
 * they name the client as their subject, so a revocation by the account alone would not find them.
 */
import type { Query } from '../db/connect.ts'
import { clientIdsOfServiceAccount } from './store.ts'

/** The clients that are tied to a service account: whoever writes a revocation of kind `user` for it writes one of kind `client` for each. */
export const clientsOfServiceAccount = async (tx: Query, user_id: string): Promise<string[]> =>
  await clientIdsOfServiceAccount(tx, user_id)
