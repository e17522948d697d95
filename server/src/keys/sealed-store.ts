/** Owns reading what is sealed before anything of this release has touched the database: its tables may be missing or older. */
import type { Db } from '../db/connect.ts'

export type Sealed = { kid: string; private_sealed: string }

/** The sealed private keys; none where there is no table yet. */
export const readSealed = async (db: Db): Promise<Sealed[]> => {
  const [there] = await db<{ is_there: boolean }[]>`select to_regclass('signing_keys') is not null as is_there`
  if (there?.is_there !== true) return []
  return await db<Sealed[]>`
    select kid, private_sealed from signing_keys where private_sealed is not null order by created_at desc limit 1000`
}
