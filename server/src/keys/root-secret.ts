/**
 * Owns the question whether a root secret is the one of a database. Asked before anything is written: a new secret beside
 * old keys would make new keys beside them, and the old ones, still good, would be given up for lost.
 */
import { StartError } from '../config/start-error.ts'
import type { Db } from '../db/connect.ts'
import { readDeployment } from '../db/deployment.ts'
import { createSecrets, type Secrets } from '../io/secrets.ts'
import { readSealed, type Sealed } from './sealed-store.ts'
import { sealPlace } from './signer.ts'

/** Whether keys lie in this database, so that its root secret exists somewhere. */
export const holdsSealedKeys = async (db: Db): Promise<boolean> => (await readSealed(db)).length > 0

/** Throws StartError when keys lie in this database and the secret opens none of them. */
export const checkRootSecret = async (db: Db, rootSecret: string): Promise<void> => {
  const sealed = await readSealed(db)
  if (sealed.length === 0) return
  const deployment = await readDeployment(db)
  const secrets = createSecrets(rootSecret, deployment)
  if (sealed.some((row) => opens(secrets, deployment, row))) return
  throw new StartError(
    'The keys of this database are sealed under another root secret. Start with the KEYWRIGHT_ROOT_SECRET that they were made with; docs/database.md says what to do when it is lost.',
  )
}

const opens = (secrets: Secrets, deployment: string, { kid, private_sealed }: Sealed): boolean => {
  try {
    secrets.open(private_sealed, sealPlace(deployment, kid))
    return true
  } catch {
    return false
  }
}
