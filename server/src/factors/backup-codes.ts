/**
 * Owns backup codes: ten, each good once, shown once and kept as hashes (security rule MF-4). Start reading at
 * `makeBackupCodes`.
 */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { callerOf, record } from '../events/record.ts'
import type { HttpRequest } from '../http/request.ts'
import { randomBytes, uuidv7 } from '../io/ids.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { warn } from '../recovery/warn.ts'
import { goesOn } from '../sessions/list.ts'
import { changeAccount } from '../users/credentials.ts'
import { countBackupCodes, findBackupCode, replaceBackupCodes, useBackupCode } from './backup-store.ts'

export { countBackupCodes } from './backup-store.ts'

const howMany = 10
/** Crockford's base 32: no letter looks like a digit. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'
/** Four characters find the row, sixteen are the secret: 80 bits. */
const lookupLength = 4
const secretLength = 16
const form = /^[0-9a-hjkmnp-tv-z]{20}$/

/** Codes that are hashed and not kept yet: what needs time is done before the transaction. */
export type PreparedCodes = { codes: string[]; rows: Parameters<typeof replaceBackupCodes>[2] }

/** Makes ten new codes, in plain for their owner and hashed for the table. */
export const prepareBackupCodes = async (ctx: Ctx, user_id: string, now: Date): Promise<PreparedCodes> => {
  const parts = distinct(howMany).map((lookup) => ({ lookup, secret: text(secretLength) }))
  const rows = await Promise.all(
    parts.map(async ({ lookup, secret }) => ({
      id: uuidv7(now),
      user_id,
      lookup,
      code_hash: await ctx.hashing.hash(secret),
      created_at: now,
    })),
  )
  return { codes: parts.map(({ lookup, secret }) => shownCode(lookup + secret)), rows }
}

/** Keeps them, and voids all that there were. */
export const keepBackupCodes = async (
  ctx: Ctx,
  tx: Tx,
  request: HttpRequest,
  { user_id, prepared }: { user_id: string; prepared: PreparedCodes },
): Promise<void> => {
  const { now } = request
  const { rows } = prepared
  await replaceBackupCodes(tx, user_id, rows)
  await record(tx, { type: 'backup_codes.made', now, user_id, data: { count: rows.length }, ...callerOf(request) })
  await warn(ctx, tx, { kind: 'factor_added', factor: 'backup_code', user_id, request, now })
}

/**
 * Makes ten new codes and voids all that there were. They are returned once and are nowhere in plain afterwards. Refuses with
 * `session_ended` (401) when the session that asks, `sid`, has ended meanwhile: whoever takes an account back ends it.
 */
export const makeBackupCodes = async (
  ctx: Ctx,
  request: HttpRequest,
  { user_id, sid }: { user_id: string; sid: string | undefined },
): Promise<string[] | Denial> => {
  const prepared = await prepareBackupCodes(ctx, user_id, request.now)
  const kept = await transact(ctx.db, async (tx) => {
    const stands = (await changeAccount(tx, user_id)) !== undefined
    if (!stands || (sid !== undefined && !(await goesOn(tx, sid)))) return false
    await keepBackupCodes(ctx, tx, request, { user_id, prepared })
    return true
  })
  ctx.outbox.nudge()
  return kept ? prepared.codes : sessionEnded
}

const sessionEnded: Denial = deny(
  'session_ended',
  'You were signed out meanwhile.',
  { rule: 'a session that has ended changes nothing (I2)', expected: 'a live session', got: 'one that has ended' },
  { status: 401 },
)

/**
 * Compares a code and uses it up. Hashing costs the same whether its first part names a code or not. False for a wrong, used
 * or replaced one.
 */
export const useCode = async (
  ctx: Ctx,
  request: HttpRequest,
  { user_id, code }: { user_id: string; code: string },
): Promise<boolean> => {
  const plain = plainCode(code)
  if (plain === undefined) return false
  const secret = plain.slice(lookupLength)
  const row = await findBackupCode(ctx.db, user_id, plain.slice(0, lookupLength))
  if (row === undefined) return await ctx.hashing.verifyNobody(secret)
  if (!(await ctx.hashing.verify(row.code_hash, secret))) return false
  const used = await transact(ctx.db, async (tx) => {
    if (!(await useBackupCode(tx, row.id, request.now))) return false
    const left = (await countBackupCodes(tx, user_id))?.left ?? 0
    await record(tx, { type: 'backup_codes.used', now: request.now, user_id, data: { left }, ...callerOf(request) })
    await warn(ctx, tx, { kind: 'backup_code_used', left, user_id, request, now: request.now })
    return true
  })
  ctx.outbox.nudge()
  return used
}

/** A code as somebody typed it, in the form that is compared: without its hyphens, and with letters that look like digits read as such. */
export const plainCode = (typed: string): string | undefined => {
  const code = typed
    .slice(0, 100)
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[\s\-\u2010-\u2015]/g, '')
    .replaceAll('o', '0')
    .replaceAll(/[il]/g, '1')
  return form.test(code) ? code : undefined
}

/** A code as people read it: five groups of four. */
export const shownCode = (code: string): string => code.replaceAll(/(.{4})(?=.)/g, '$1-')

const text = (length: number): string => Array.from(randomBytes(length), (byte) => alphabet[byte & 31]).join('')

const distinct = (count: number): string[] => {
  const found = new Set<string>()
  while (found.size < count) found.add(text(lookupLength))
  return [...found]
}
