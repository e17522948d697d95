/**
 * Owns the setting up of an authenticator app: a secret is made and shown, and counts once its first code was right. Until
 * then it proves nothing, and after half an hour it is gone. Start reading at `pendingTotp`.
 */
import { Secret, TOTP } from 'otpauth'
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import type { TotpFactorsRow } from '../db/tables.gen.ts'
import { isUuid, randomBytes, uuidv7 } from '../io/ids.ts'
import type { Subject } from '../protocol/claims.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { confirmTotpRow, findPendingTotp, insertTotp, listTotp } from './store.ts'
import { digitsOf, sealPlace, secretOf, stepOf } from './totp.ts'

/** What an app needs to know. `secret` is base 32, `uri` the otpauth address that the QR code holds. */
export type PendingTotp = { id: string; secret: string; uri: string }

/** Each authenticator makes a guess more likely to be right. */
const mostOfOne = 5
const lifeMs = 1_800_000

/**
 * The secret that somebody is setting up, a new one if there is none: asking twice shows the same. Refuses with
 * `too_many_factors` when there are five authenticators already.
 */
export const pendingTotp = async (
  ctx: Ctx,
  person: Pick<Subject, 'id' | 'email' | 'username'>,
  now: Date,
): Promise<PendingTotp | Denial> => {
  if ((await listTotp(ctx.db, person.id)).length >= mostOfOne) return tooMany
  const known = await findPendingTotp(ctx.db, { user_id: person.id, since: since(now) })
  return viewOf(ctx, person, known ?? (await newTotp(ctx, person.id, now)))
}

/** RFC 4226 §4, R6: 160 bits. */
const secretBytes = 20

const newTotp = async (ctx: Ctx, user_id: string, now: Date) => {
  const id = uuidv7(now)
  const secret = new Secret({ buffer: new Uint8Array(randomBytes(secretBytes)).buffer })
  const row = {
    id,
    user_id,
    name: '',
    secret_sealed: ctx.secrets.seal(secret.base32, sealPlace(ctx, id)),
    confirmed_at: null,
    created_at: now,
  }
  await insertTotp(ctx.db, row)
  return row
}

const viewOf = (
  ctx: Ctx,
  { email, username, id: user_id }: Pick<Subject, 'id' | 'email' | 'username'>,
  row: Pick<TotpFactorsRow, 'id' | 'secret_sealed'>,
): PendingTotp => {
  const secret = secretOf(ctx, row)
  const label = email ?? username ?? user_id
  const totp = new TOTP({ issuer: ctx.config.name, label, secret: Secret.fromBase32(secret) })
  return { id: row.id, secret, uri: totp.toString() }
}

export type Confirmation = { user_id: string; id: string; code: string; now: Date }

/**
 * Compares the first code. The step of time it belongs to, for `confirmTotp`; undefined for a wrong code, and for a secret that
 * is too old or another person's. Uses nothing up.
 */
export const checkFirstCode = async (
  ctx: Ctx,
  { user_id, id, code, now }: Confirmation,
): Promise<number | undefined> => {
  const token = digitsOf(code)
  const row = token && isUuid(id) && (await findPendingTotp(ctx.db, { user_id, id, since: since(now) }))
  return token && row ? stepOf(ctx, row, token, now) : undefined
}

/** Makes it count from here on; its first code is used up. False when that was done before. */
export const confirmTotp = async (
  tx: Tx,
  facts: Omit<Confirmation, 'code'> & { name: string; step: number },
): Promise<boolean> => await confirmTotpRow(tx, { ...facts, since: since(facts.now) })

/** When a secret that is still to be confirmed must have been made. */
const since = (now: Date): Date => new Date(now.getTime() - lifeMs)

const tooMany: Denial = deny(
  'too_many_factors',
  'There are as many of these as there can be.',
  {
    rule: 'one person has at most five authenticators',
    expected: `at most ${mostOfOne}`,
    got: 'one more',
    remedy: 'Remove one first.',
  },
  { status: 409 },
)
