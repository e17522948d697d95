/**
 * Owns the second steps that a person keeps, passkeys apart (passkey-keeping.ts): the list of them, new ones, their names, their
 * end. That the person has proved themselves just now is checked by whoever calls (security rule LI-4). Start at `listFactors`.
 */
import type { Ctx } from '../ctx.ts'
import type { Query, Tx } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { callerOf, record } from '../events/record.ts'
import type { HttpRequest } from '../http/request.ts'
import { isUuid, uuidv7 } from '../io/ids.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { warn } from '../recovery/warn.ts'
import { goesOn } from '../sessions/list.ts'
import { changeAccount } from '../users/credentials.ts'
import { factorSetUp, phoneProved } from '../users/proved.ts'
import { deleteCodeFactor, listCodeFactors, upsertCodeFactor } from './code-store.ts'
import type { Channel } from './codes.ts'
import { checkFirstCode, type Confirmation, confirmTotp } from './set-up-totp.ts'
import { deleteTotp, listTotp, renameTotp } from './store.ts'

/** One of them as its owner sees it. `name` is what they call it, or the number or address where codes go. */
export type OwnFactor = {
  kind: 'totp' | Channel
  id: string
  name: string
  created_at: Date
  last_used_at: Date | null
}

/** Authenticators and chosen channels, oldest first. */
export const listFactors = async (query: Query, user_id: string, email: string | null): Promise<OwnFactor[]> => {
  const [totp, codes] = await Promise.all([listTotp(query, user_id), listCodeFactors(query, user_id)])
  const all: OwnFactor[] = [
    ...totp.map(({ id, name, created_at, last_used_at }) => ({
      kind: 'totp' as const,
      id,
      name,
      created_at,
      last_used_at,
    })),
    ...codes.map(({ id, channel, destination, confirmed_at, last_used_at }) => ({
      kind: channel === 'sms' ? ('sms' as const) : ('email' as const),
      id,
      // Codes by mail follow the address of the account.
      name: channel === 'email' ? (email ?? destination) : destination,
      created_at: confirmed_at,
      last_used_at,
    })),
  ]
  return all.toSorted((one, other) => one.created_at.getTime() - other.created_at.getTime())
}

type Kept = { user_id: string; kind: OwnFactor['kind']; id: string }

/** Keeps an authenticator whose first code is right. Refuses with `wrong_code` (401), also when its secret is too old. */
export const addTotp = async (
  ctx: Ctx,
  request: HttpRequest,
  facts: Omit<Confirmation, 'now'> & { name: string },
): Promise<Denial | undefined> => {
  const step = await checkFirstCode(ctx, { ...facts, now: request.now })
  if (step === undefined) return wrongCode
  const kept = await transact(ctx.db, async (tx) => await keepTotp(ctx, tx, request, { ...facts, step }))
  ctx.outbox.nudge()
  return kept ? undefined : wrongCode
}

/** The same within a transaction, with the step that `checkFirstCode` found. False when it was confirmed meanwhile. */
export const keepTotp = async (
  ctx: Ctx,
  tx: Tx,
  request: HttpRequest,
  { user_id, id, name, step }: { user_id: string; id: string; name: string; step: number },
): Promise<boolean> => {
  if ((await changeAccount(tx, user_id)) === undefined) return false
  if (!(await confirmTotp(tx, { user_id, id, name, step, now: request.now }))) return false
  await noteAdded(ctx, tx, request, { user_id, kind: 'totp', id })
  return true
}

/**
 * Lets codes go to an address or number that was proved just now on a person's own page. Refuses with `wrong_code` when the
 * session that asks, `sid`, has ended meanwhile: whoever takes an account back from a thief ends it.
 */
export const addChannel = async (
  ctx: Ctx,
  request: HttpRequest,
  { sid, ...facts }: Parameters<typeof keepChannel>[3] & { sid: string | undefined },
): Promise<Denial | undefined> => {
  const kept = await transact(ctx.db, async (tx) => {
    await changeAccount(tx, facts.user_id)
    return (sid === undefined || (await goesOn(tx, sid))) && (await keepChannel(ctx, tx, request, facts))
  })
  ctx.subjects.forget(facts.user_id)
  ctx.outbox.nudge()
  return kept ? undefined : wrongCode
}

/** Lets codes go to an address or number that was proved in this transaction, or just before it. A number becomes the account's. */
export const keepChannel = async (
  ctx: Ctx,
  tx: Tx,
  request: HttpRequest,
  { user_id, channel, address }: { user_id: string; channel: Channel; address: string },
): Promise<boolean> => {
  const { now } = request
  if ((await changeAccount(tx, user_id)) === undefined) return false
  const row = { id: uuidv7(now), user_id, channel, destination: address, confirmed_at: now }
  const id = await upsertCodeFactor(tx, row)
  if (channel === 'sms') await phoneProved(tx, user_id, { phone_number: address, now })
  await noteAdded(ctx, tx, request, { user_id, kind: channel, id })
  return true
}

const noteAdded = async (ctx: Ctx, tx: Tx, request: HttpRequest, { user_id, kind, id }: Kept): Promise<void> => {
  const { now } = request
  await factorSetUp(tx, user_id)
  await record(tx, { type: 'factor.added', now, user_id, data: { kind, factor_id: id }, ...callerOf(request) })
  await warn(ctx, tx, { kind: 'factor_added', factor: kind, user_id, request, now })
}

/** Gives an authenticator another name. Refuses with `not_found` (404). */
export const renameFactor = async (
  ctx: Ctx,
  request: HttpRequest,
  { user_id, id, name }: { user_id: string; id: string; name: string },
): Promise<Denial | undefined> =>
  await transact(ctx.db, async (tx) => {
    if (!isUuid(id) || !(await renameTotp(tx, user_id, { id, name }))) return missing
    const data = { kind: 'totp', factor_id: id }
    await record(tx, { type: 'factor.renamed', now: request.now, user_id, data, ...callerOf(request) })
    return undefined
  })

/** Takes one away; what has to be proved before, removal.ts says. Refuses with `not_found` (404). */
export const removeFactor = async (ctx: Ctx, request: HttpRequest, kept: Kept): Promise<Denial | undefined> => {
  const { user_id, kind, id } = kept
  const { now } = request
  const refused = await transact(ctx.db, async (tx) => {
    if ((await changeAccount(tx, user_id)) === undefined) return missing
    const gone = kind === 'totp' ? await deleteTotp(tx, user_id, id) : await deleteCodeFactor(tx, user_id, kind)
    if (!gone) return missing
    await record(tx, { type: 'factor.removed', now, user_id, data: { kind, factor_id: id }, ...callerOf(request) })
    await warn(ctx, tx, { kind: 'factor_removed', factor: kind, user_id, request, now })
    return undefined
  })
  if (isDenial(refused)) return refused
  ctx.outbox.nudge()
  return undefined
}

export const wrongCode: Denial = deny(
  'wrong_code',
  'That code is not right.',
  {
    rule: 'an authenticator counts once its first code was right (MF-2)',
    expected: 'the code that the app shows now, for a secret at most 30 minutes old',
    got: 'another one',
  },
  { status: 401 },
)

export const missing: Denial = deny('not_found', 'There is no such factor.', {
  rule: "the factor is the person's own",
  expected: 'the id of one of them',
  got: 'another id',
})
