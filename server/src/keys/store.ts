/** Owns the table signing_keys. Private keys lie here sealed; see signer.ts for who opens them. */
import type { Query } from '../db/connect.ts'
import type { SigningKeysRow } from '../db/tables.gen.ts'

const columns = [
  'kid',
  'alg',
  'status',
  'public_jwk',
  'private_sealed',
  'created_at',
  'activate_at',
  'activated_at',
  'passive_at',
  'verify_until',
] as const

/** Every key, newest first. There are few: rotation retires them. */
export const listKeys = async (tx: Query): Promise<SigningKeysRow[]> =>
  await tx<SigningKeysRow[]>`select ${tx(columns)} from signing_keys order by created_at desc, kid limit 1000`

/** Takes the lock that makes rotation the work of one node at a time, until the transaction ends. */
export const lockKeys = async (tx: Query): Promise<void> => {
  await tx`select pg_advisory_xact_lock(27514)`
}

export const insertKey = async (tx: Query, key: SigningKeysRow): Promise<void> => {
  await tx`insert into signing_keys ${tx({ ...key, public_jwk: key.public_jwk as never }, columns)}`
}

/** Moves a key along its life. A key that stops signing for good loses its private half. */
export const updateKey = async (
  tx: Query,
  kid: string,
  change: Partial<Pick<SigningKeysRow, 'status' | 'activated_at' | 'passive_at' | 'verify_until' | 'private_sealed'>>,
): Promise<void> => {
  await tx`update signing_keys set ${tx(change)} where kid = ${kid}`
}
