/**
 * Owns the life of API keys, whoever asks: a person for their own, an administrator for a service account, the operator at the
 * command line (security rule AK-1). A key is shown once and stored as its hash. Start reading at `createKey`.
 */
import { randomUUID } from 'node:crypto'
import { type Asked, findRights, permissionsIn, type Rights } from '../access/named.ts'
import { can } from '../access/can.ts'
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { actedBy, type By, record } from '../events/record.ts'
import type { HttpRequest } from '../http/request.ts'
import { isUuid, secretBytes, uuidv7 } from '../io/ids.ts'
import type { Subject } from '../protocol/claims.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { hashToken, mintOpaque, type PlainToken } from '../protocol/opaque-token.ts'
import { warn } from '../recovery/warn.ts'
import { loadSubject } from '../users/subject.ts'
import { checkExpiry, checkName, defaultDays } from './checks.ts'
import {
  countKeys,
  deleteKey,
  expireKeySecrets,
  insertKey,
  insertKeySecret,
  type KeyRow,
  loadKey,
  lockKey,
  replaceRights,
  updateKey,
} from './store.ts'

export { countKeys as keyCount, type KeyRow, listKeys } from './store.ts'

/** `rights` by id or by name; nothing named is a key that only says whose it is. */
export type NewKey = {
  owner_id: string
  name: string
  description?: string | null | undefined
  expires_at?: Date | undefined
  rights: Asked
}

/** Who does it: `by` for the event; `giver` has to hold what the key gets, the operator at the command line has not. */
export type KeyActor = { by: By; giver?: Subject | undefined; request?: HttpRequest | undefined; now: Date }

/** A key with its secret, which nobody is shown again. */
export type MadeKey = { row: KeyRow; key: PlainToken }

const keysAtMost = 100

/** Makes a key. Refusals: `not_found`, `invalid_request`, `unknown_role`, `unknown_permission`, `beyond_ceiling`, `too_many_keys`. */
export const createKey = async (ctx: Ctx, wish: NewKey, actor: KeyActor): Promise<MadeKey | Denial> => {
  const { now } = actor
  const expires_at = wish.expires_at ?? new Date(now.getTime() + defaultDays(ctx) * 86_400_000)
  const refused = checkName(wish.name) ?? checkExpiry(ctx, expires_at, now)
  if (refused) return refused
  const made = await transact(ctx.db, async (tx) => await makeKey(ctx, tx, { ...wish, expires_at }, actor))
  if (!isDenial(made)) ctx.outbox.nudge()
  return made
}

const makeKey = async (
  ctx: Ctx,
  tx: Tx,
  { owner_id, rights: asked, expires_at, ...wish }: NewKey & { expires_at: Date },
  actor: KeyActor,
): Promise<MadeKey | Denial> => {
  const owner = await loadSubject(tx, owner_id)
  if (owner === undefined) return noSuchOwner
  const rights = await grantable(tx, { asked, owner, giver: actor.giver })
  if (isDenial(rights)) return rights
  if ((await countKeys(tx, owner_id)) >= keysAtMost) return tooMany
  const { now } = actor
  const [id, grant_id] = [uuidv7(now), randomUUID()]
  const names = { name: wish.name.trim(), description: wish.description ?? null }
  await insertKey(tx, { id, owner_id, ...names, grant_id, created_at: now, updated_at: now, expires_at })
  await replaceRights(tx, id, idsOf(rights))
  const key = await addSecret(tx, id, now)
  await note(tx, 'api_key.created', { id, owner_id, actor, data: { name: names.name, ...namesOf(rights) } })
  await warn(ctx, tx, { kind: 'api_key_added', user_id: owner_id, now, request: actor.request, name: names.name })
  const row = await loadKey(tx, id)
  if (row === undefined) throw new Error('a key that was just made is not there')
  return { row, key }
}

/** What is asked for, when it exists, the owner has it, and whoever gives it holds it too (security rules AK-1, AD-2). */
const grantable = async (
  tx: Tx,
  { asked, owner, giver }: { asked: Asked; owner: Subject; giver: Subject | undefined },
): Promise<Rights | Denial> => {
  const rights = await findRights(tx, asked)
  if (isDenial(rights)) return rights
  const foreign = rights.roles.find(({ name }) => !owner.roles.includes(name))
  if (foreign) return beyondOwner(foreign.name)
  const permissions = permissionsIn(rights)
  const beyond = permissions.find((name) => !owner.permissions.includes(name))
  if (beyond !== undefined) return beyondOwner(beyond)
  return (giver && can(giver, { do: 'make an API key', owner, permissions })) ?? rights
}

const idsOf = ({ roles, permissions }: Rights) => ({
  role_ids: roles.map(({ id }) => id),
  permission_ids: permissions.map(({ id }) => id),
})

const namesOf = ({ roles, permissions }: Rights) => ({
  roles: roles.map(({ name }) => name),
  permissions: permissions.map(({ name }) => name),
})

const addSecret = async (tx: Tx, api_key_id: string, now: Date): Promise<PlainToken> => {
  const key = mintOpaque('ak', secretBytes())
  await insertKeySecret(tx, { key_hash: hashToken(key), api_key_id, hint: key.slice(-4), created_at: now })
  return key
}

type Noted = { id: string; owner_id: string; actor: KeyActor; data?: Parameters<typeof actedBy>[1] }

const note = async (
  tx: Tx,
  type:
    | 'api_key.created'
    | 'api_key.updated'
    | 'api_key.rotated'
    | 'api_key.deleted'
    | 'api_key.activated'
    | 'api_key.deactivated',
  { id, owner_id, actor, data = {} }: Noted,
): Promise<void> => {
  await record(tx, { type, now: actor.now, user_id: owner_id, ...actedBy(actor.by, { api_key: id, ...data }) })
}

/** The change of one key, in a transaction that holds it. `work` says what is to be announced: nothing, or the end of its tokens. */
const changing = async (
  ctx: Ctx,
  id: string,
  work: (tx: Tx, row: KeyRow) => Promise<Denial | 'ends' | undefined>,
): Promise<KeyRow | Denial | undefined> => {
  const result = await transact(ctx.db, async (tx) => {
    const row = isUuid(id) && (await lockKey(tx, id)) ? await loadKey(tx, id) : undefined
    if (row === undefined) return { denial: noSuchKey }
    const done = await work(tx, row)
    if (isDenial(done)) return { denial: done }
    // Tokens that were made of it end with what it was; later ones belong to another grant.
    if (done === 'ends') await ctx.feed.write(tx, [{ kind: 'family', key: row.grant_id }], ctx.now())
    return { after: await loadKey(tx, id), ends: done === 'ends' }
  })
  if (result.denial) return result.denial
  // Copies of this node; those of others are at most a second old.
  ctx.apiKeys.clear()
  if (result.ends) await ctx.feed.announce()
  return result.after
}

export type KeyChange = {
  name?: string | undefined
  description?: string | null | undefined
  expires_at?: Date | undefined
  rights?: Asked | undefined
}

/** What a change is checked against within its transaction: an If-Match, say. */
export type KeyGuard = (row: KeyRow) => Denial | undefined

/** Changes a key. What was made of it with its former rights ends at once. */
export const changeKey = async (
  ctx: Ctx,
  { id, change, guard }: { id: string; change: KeyChange; guard: KeyGuard },
  actor: KeyActor,
): Promise<KeyRow | Denial | undefined> =>
  await changing(ctx, id, async (tx, row) => {
    const { rights: asked, ...plain } = change
    const refused =
      guard(row) ??
      (plain.name === undefined ? undefined : checkName(plain.name)) ??
      (plain.expires_at && checkExpiry(ctx, plain.expires_at, actor.now))
    if (refused) return refused
    const rights = asked && (await newRights(tx, row, { asked, giver: actor.giver }))
    if (isDenial(rights)) return rights
    if (rights) await replaceRights(tx, id, idsOf(rights))
    const values = Object.fromEntries(Object.entries(plain).filter(([, value]) => value !== undefined))
    await updateKey(tx, id, { ...values, ...(rights && { grant_id: randomUUID() }) }, actor.now)
    const data = { changed: Object.keys(change), ...(rights && namesOf(rights)) }
    await note(tx, 'api_key.updated', { id, owner_id: row.owner_id, actor, data })
    return rights ? 'ends' : undefined
  })

const newRights = async (
  tx: Tx,
  { owner_id }: KeyRow,
  { asked, giver }: { asked: Asked; giver: Subject | undefined },
): Promise<Rights | Denial> => {
  const owner = await loadSubject(tx, owner_id)
  return owner === undefined ? noSuchOwner : await grantable(tx, { asked, owner, giver })
}

/** Switches a key off or on. Off, it and the tokens made of it are dead everywhere within two seconds. */
export const setKeyStatus = async (
  ctx: Ctx,
  { id, status, guard }: { id: string; status: 'active' | 'inactive'; guard: KeyGuard },
  actor: KeyActor,
): Promise<KeyRow | Denial | undefined> =>
  await changing(ctx, id, async (tx, row) => {
    const refused = guard(row)
    if (refused || row.status === status) return refused
    await updateKey(tx, id, { status, ...(status === 'inactive' && { grant_id: randomUUID() }) }, actor.now)
    const type = status === 'active' ? 'api_key.activated' : 'api_key.deactivated'
    await note(tx, type, { id, owner_id: row.owner_id, actor })
    return status === 'inactive' ? 'ends' : undefined
  })

/** Gives a key a new secret; the newest old one lives on for `overlapSeconds`. */
export const rotateKey = async (
  ctx: Ctx,
  { id, overlapSeconds, guard }: { id: string; overlapSeconds: number; guard: KeyGuard },
  actor: KeyActor,
): Promise<MadeKey | Denial> => {
  let key: PlainToken | undefined
  const row = await changing(ctx, id, async (tx, before) => {
    const refused = guard(before)
    if (refused) return refused
    await expireKeySecrets(tx, id, new Date(actor.now.getTime() + overlapSeconds * 1000))
    key = await addSecret(tx, id, actor.now)
    await updateKey(tx, id, {}, actor.now)
    await note(tx, 'api_key.rotated', {
      id,
      owner_id: before.owner_id,
      actor,
      data: { overlap_seconds: overlapSeconds },
    })
    return undefined
  })
  if (isDenial(row)) return row
  return row === undefined || key === undefined ? noSuchKey : { row, key }
}

/** Deletes a key; it is dead at once. */
export const removeKey = async (
  ctx: Ctx,
  { id, guard }: { id: string; guard: KeyGuard },
  actor: KeyActor,
): Promise<Denial | undefined> => {
  const result = await changing(ctx, id, async (tx, row) => {
    const refused = guard(row)
    if (refused) return refused
    await deleteKey(tx, id)
    await note(tx, 'api_key.deleted', { id, owner_id: row.owner_id, actor, data: { name: row.name } })
    return 'ends'
  })
  return isDenial(result) ? result : undefined
}

export const noSuchKey: Denial = deny('not_found', 'There is no such API key.', {
  rule: 'the key exists and is the caller’s',
  expected: 'the id of a key of theirs',
  got: 'another one',
})

const noSuchOwner: Denial = deny('not_found', 'There is no such account.', {
  rule: 'a key has an owner',
  expected: 'an account',
  got: 'none',
})

const beyondOwner = (got: string): Denial =>
  deny(
    'beyond_ceiling',
    'An API key cannot have rights that its owner does not hold.',
    { rule: 'a key never goes beyond its owner (AK-1)', expected: 'rights of the owner', got },
    { status: 403 },
  )

const tooMany: Denial = deny(
  'too_many_keys',
  'There are as many API keys as one account may have.',
  {
    rule: 'keys of one account are counted',
    expected: `at most ${keysAtMost}`,
    got: 'one more',
    remedy: 'Delete old keys.',
  },
  { status: 409 },
)
