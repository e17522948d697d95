/** Owns second factors for tests: an authenticator app that a person has, and the codes it shows. */
import { Secret, TOTP } from 'otpauth'
import type { Ctx } from '../../src/ctx.ts'
import { insertTotp } from '../../src/factors/store.ts'
import { sealPlace } from '../../src/factors/totp.ts'
import { uuidv7 } from '../../src/io/ids.ts'

/** An app with one secret. `code` is what it shows `steps` periods from an instant. */
export type Authenticator = { id: string; code: (at?: number, steps?: number) => string }

/** Gives a person an authenticator app whose first code was right long ago. */
export const authenticatorOf = async (ctx: Ctx, user_id: string): Promise<Authenticator> => {
  const now = ctx.now()
  const id = uuidv7(now)
  const secret = new Secret({ size: 20 })
  const secret_sealed = ctx.secrets.seal(secret.base32, sealPlace(ctx, id))
  await insertTotp(ctx.db, { id, user_id, name: 'Phone', secret_sealed, confirmed_at: now, created_at: now })
  const totp = new TOTP({ secret })
  return { id, code: (at = Date.now(), steps = 0) => totp.generate({ timestamp: at + steps * 30_000 }) }
}
