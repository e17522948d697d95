/** Owns second factors for tests: an authenticator app that a person has and the codes it shows, chosen channels, backup codes. */
import { randomInt } from 'node:crypto'
import { Secret, TOTP } from 'otpauth'
import { expect } from 'vitest'
import type { Ctx } from '../../src/ctx.ts'
import { makeBackupCodes } from '../../src/factors/backup-codes.ts'
import { isDenial } from '../../src/protocol/errors.ts'
import { upsertCodeFactor } from '../../src/factors/code-store.ts'
import { insertTotp } from '../../src/factors/store.ts'
import { sealPlace } from '../../src/factors/totp.ts'
import type { Db } from '../../src/db/connect.ts'
import type { HttpRequest } from '../../src/http/request.ts'
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

/** Lets a person take the second step by a code to their address, or to a number. */
export const chooseCodes = async (
  ctx: Ctx,
  user_id: string,
  { channel, destination }: { channel: 'email' | 'sms'; destination: string },
): Promise<void> => {
  const now = ctx.now()
  await upsertCodeFactor(ctx.db, { id: uuidv7(now), user_id, channel, destination, confirmed_at: now })
}

/** A number that nobody else in the tests has. */
export const someNumber = (): string => `+49151${String(randomInt(10_000_000, 100_000_000))}`

/** A request of nobody, for operations that want to know where they come from. */
export const someRequest = (ctx: Ctx): HttpRequest => ({
  method: 'POST',
  path: '/',
  rawQuery: '',
  query: new Map(),
  form: new Map(),
  json: undefined,
  pathParams: {},
  header: () => undefined,
  ip: '127.0.0.1',
  peer: '127.0.0.1',
  user_agent: 'tests',
  request_id: 'request-of-a-test',
  now: ctx.now(),
})

/** Ten fresh backup codes of a person. */
export const backupCodesOf = async (ctx: Ctx, user_id: string): Promise<string[]> => {
  const made = await makeBackupCodes(ctx, someRequest(ctx), { user_id, sid: undefined })
  if (isDenial(made)) throw new Error(made.error)
  return made
}

/** Waits until every letter to a person has gone out, or was replaced before it could. */
export const lettersSettled = async (sql: Db, { user_id }: { user_id: string }): Promise<void> => {
  await expect
    .poll(async () => (await sql`select 1 from outbox where user_id = ${user_id} and finished_at is null`).length)
    .toBe(0)
}
