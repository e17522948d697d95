/**
 * Owns the identity of a deployment: a random id made with its database. Keys are derived from it and the root secret,
 * so that two deployments on one root secret share none, and a deployment can change its address.
 */
import type { Db } from './connect.ts'

/** The id. The database has been migrated before. */
export const readDeployment = async (db: Db): Promise<string> => {
  const [row] = await db<{ id: string }[]>`select id from deployment`
  if (row === undefined) throw new Error('the table deployment is empty')
  return row.id
}
