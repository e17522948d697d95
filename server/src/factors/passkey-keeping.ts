/**
 * Owns the passkeys that a person keeps: new ones, their names, their end (security rules PK-1, PK-2, LI-4). That the person
 * has proved themselves just now is checked by whoever calls. Start reading at `addPasskey`.
 */
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { callerOf, record } from '../events/record.ts'
import { languageOf } from '../http/language.ts'
import type { HttpRequest } from '../http/request.ts'
import { isUuid, uuidv7 } from '../io/ids.ts'
import type { Subject } from '../protocol/claims.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { warn } from '../recovery/warn.ts'
import { goesOn } from '../sessions/list.ts'
import { changeAccount, type Standing } from '../users/credentials.ts'
import { factorSetUp } from '../users/proved.ts'
import { browserLabel } from '../users/user-agent.ts'
import { ceremonyMs, makeChallenge, spend } from './passkey-challenge.ts'
import { newName, typedName } from './passkey-names.ts'
import {
  deletePasskey,
  insertPasskey,
  listPasskeys,
  type PasskeyRow,
  renamePasskey as renameRow,
} from './passkey-store.ts'
import { descriptorOf, passkeysOn, placeOf, userHandle } from './passkeys.ts'
import {
  algorithms,
  type Attested,
  challengeOf,
  library,
  readAttestation,
  verifyAttestation,
  WebAuthnRefused,
} from './webauthn.ts'

/** More than anybody needs, and few enough to send them all to a browser. */
const most = 20

/** Somebody who keeps passkeys. `bound_to` is what both halves of a registration have in common: the browser cookie, or a session. */
export type Keeper = Pick<Subject, 'id' | 'email' | 'name'> & { username?: string | null; bound_to: string }

/** A passkey as its owner sees it. */
export type PasskeyView = {
  id: string
  name: string
  created_at: Date
  last_used_at: Date | null
  /** It is copied to other devices of its owner. */
  synced: boolean
  /** Whether it can sign in by itself; null where the browser did not say. */
  discoverable: boolean | null
}

/** The passkeys of a person, oldest first. */
export const passkeysOf = async (ctx: Ctx, user_id: string): Promise<PasskeyView[]> =>
  (await listPasskeys(ctx.db, user_id)).map(viewOf)

const viewOf = ({ id, name, created_at, last_used_at, backed_up, discoverable }: PasskeyRow): PasskeyView => ({
  id,
  name,
  created_at,
  last_used_at,
  synced: backed_up,
  discoverable,
})

/**
 * WebAuthn §5.4 PublicKeyCredentialCreationOptionsJSON. A passkey that can sign in by itself is preferred, so that an old
 * security key without room for one can still be a second step. No attestation: the model is nobody's business.
 */
export const creationOptions = async (ctx: Ctx, request: HttpRequest, keeper: Keeper) => {
  const { id, bound_to } = keeper
  const name = keeper.email ?? keeper.username ?? id
  const challenge = await makeChallenge(ctx, { ceremony: 'register', bound_to, user_id: id, now: request.now })
  void library().catch(() => {})
  return {
    challenge,
    rp: { id: placeOf(ctx).rp_id, name: ctx.config.name },
    user: { id: userHandle(ctx, id).toString('base64url'), name, displayName: keeper.name ?? name },
    pubKeyCredParams: algorithms.map((alg) => ({ type: 'public-key' as const, alg })),
    timeout: ceremonyMs,
    excludeCredentials: (await listPasskeys(ctx.db, id)).map(descriptorOf),
    authenticatorSelection: {
      residentKey: 'preferred' as const,
      requireResidentKey: false,
      userVerification: 'preferred' as const,
    },
    attestation: 'none' as const,
    extensions: { credProps: true },
  }
}

type Making = { keeper: Pick<Keeper, 'id' | 'bound_to'>; sent: unknown; name?: string | undefined }
/** `sid` is the session that asks. */
type Adding = Making & { sid: string | undefined }

/**
 * Keeps what a browser has made. Refusals: `invalid_passkey` (400) for an answer that proves no new key, `known_passkey` and
 * `too_many_passkeys` (409).
 */
export const addPasskey = async (ctx: Ctx, request: HttpRequest, making: Adding): Promise<PasskeyView | Denial> => {
  const made = await readNewPasskey(ctx, request, making)
  if (isDenial(made)) return made
  const { sid } = making
  const { id: user_id } = making.keeper
  const keeping = { user_id, made, name: making.name }
  const added = await transact(ctx.db, async (tx) => {
    // The account first: whoever takes it back from a thief, and ends this session, comes before that or after all of this.
    await changeAccount(tx, user_id)
    const isOpen = sid === undefined || (await goesOn(tx, sid))
    return isOpen ? await keepPasskey(ctx, tx, request, keeping) : invalid('a session that has ended meanwhile')
  })
  ctx.outbox.nudge()
  return added
}

/** The same within a transaction, with what `readNewPasskey` found. */
export const keepPasskey = async (
  ctx: Ctx,
  tx: Tx,
  request: HttpRequest,
  { user_id, made, name }: { user_id: string; made: Attested; name?: string | undefined },
): Promise<PasskeyView | Denial> => {
  const standing = await changeAccount(tx, user_id)
  if (standing === undefined) return invalid('an account that is not active any more')
  const names = (await listPasskeys(tx, user_id)).map((one) => one.name)
  if (names.length >= most) return tooMany
  const fallback = ctx.pages.wordingFor(languageOf(ctx, request)).say(browserLabel(request.user_agent ?? null))
  const called = typedName(name ?? '') ?? newName(made.aaguid ?? '', fallback, names)
  const row = rowOf(made, { user_id, name: called, now: request.now })
  if (!(await insertPasskey(tx, row))) return known
  await factorSetUp(tx, user_id)
  await tell(ctx, tx, request, { what: 'added', row })
  return viewOf(row)
}

/** What a browser has made, when it proves a new key. The challenge is used up by it. Refuses with `invalid_passkey` (400). */
export const readNewPasskey = async (
  ctx: Ctx,
  request: HttpRequest,
  { keeper, sent }: Making,
): Promise<Attested | Denial> => {
  if (!passkeysOn(ctx)) return invalid('passkeys are switched off')
  const attestation = readAttestation(sent)
  const challenge = attestation && challengeOf(attestation)
  if (attestation === undefined || challenge === undefined) return invalid('no attestation that can be read')
  const { id: user_id, bound_to } = keeper
  const spent = await spend(ctx, challenge, { ceremony: 'register', bound_to, user_id, now: request.now })
  if (spent === undefined)
    return invalid('a challenge that is used, expired, unknown, or of another browser, ceremony or person')
  try {
    return await verifyAttestation({ attestation, challenge, place: placeOf(ctx) })
  } catch (error) {
    if (error instanceof WebAuthnRefused) return invalid(error.message)
    throw error
  }
}

const rowOf = (made: Attested, { user_id, name, now }: { user_id: string; name: string; now: Date }): PasskeyRow => ({
  ...made,
  id: uuidv7(now),
  user_id,
  name,
  created_at: now,
  last_used_at: null,
})

/** Gives a passkey another name. Refusals: `invalid_name` (400), `not_found` (404). */
export const renamePasskey = async (
  ctx: Ctx,
  request: HttpRequest,
  { user_id, id, name: typed }: { user_id: string; id: string; name: string },
): Promise<Denial | undefined> => {
  const name = typedName(typed)
  if (name === undefined) return invalidName
  return await transact(ctx.db, async (tx) => {
    if (!isUuid(id) || !(await renameRow(tx, { id, user_id, name }))) return missing
    const data = { kind: 'passkey', factor_id: id }
    await record(tx, { type: 'factor.renamed', now: request.now, user_id, data, ...callerOf(request) })
    return undefined
  })
}

export type Removal = {
  user_id: string
  id: string
  /** What the session that asks has proved. */
  amr: readonly string[]
}

/**
 * Takes a passkey away. Refusals: `not_found` (404), `last_way_in` (409) when nothing else would let the person in,
 * `other_factor_needed` (403) when the only passkey is all that was proved.
 */
export const removePasskey = async (ctx: Ctx, request: HttpRequest, removal: Removal): Promise<Denial | undefined> => {
  const denial = await transact(ctx.db, async (tx) => {
    const { user_id, id, amr } = removal
    const standing = await changeAccount(tx, user_id)
    const all = standing === undefined ? [] : await listPasskeys(tx, user_id)
    const row = all.find((one) => one.id === id)
    if (standing === undefined || row === undefined) return missing
    const others = all.filter((one) => one !== row)
    if (!hasOtherWayIn(ctx, standing, others)) return lastWayIn
    // Security rule MF-4: a factor is not removed on its own word.
    if (others.length === 0 && amr.every((method) => ofPasskey.has(method))) return otherFactorNeeded
    await deletePasskey(tx, id, user_id)
    await tell(ctx, tx, request, { what: 'removed', row })
    return undefined
  })
  ctx.outbox.nudge()
  return denial
}

const ofPasskey = new Set(['swk', 'hwk', 'user', 'mfa'])

/** A password, a mailed code, or another passkey that can sign in by itself. */
const hasOtherWayIn = (ctx: Ctx, standing: Standing, others: readonly PasskeyRow[]): boolean =>
  standing.factor_kinds.includes('password') ||
  (ctx.config.email_sign_in && standing.email !== null && standing.email_verified) ||
  (passkeysOn(ctx) && others.some((one) => one.discoverable !== false))

type Told = { what: 'added' | 'removed'; row: PasskeyRow }

/** Writes down what happened, and tells the owner by mail, with a way to say that it was not them (security rule LI-4). */
const tell = async (ctx: Ctx, tx: Tx, request: HttpRequest, { what, row }: Told): Promise<void> => {
  const { user_id, id, name } = row
  const { now } = request
  const data = { passkey_id: id, name }
  await record(tx, { type: `passkey.${what}`, now, user_id, data, ...callerOf(request) })
  await warn(ctx, tx, { kind: `passkey_${what}`, name, user_id, request, now })
}

const invalid = (got: string): Denial =>
  deny('invalid_passkey', 'That passkey could not be added.', {
    rule: 'a new passkey was made here, for this person, in this browser (PK-1)',
    expected: 'an answer to a challenge of ours that is at most five minutes old',
    got,
    remedy: 'Begin again.',
  })

const known: Denial = deny(
  'known_passkey',
  'This passkey is known already.',
  { rule: 'a credential id belongs to one account (PK-2)', expected: 'a new credential id', got: 'a known one' },
  { status: 409 },
)

const tooMany: Denial = deny(
  'too_many_passkeys',
  `There are ${most} passkeys already. Remove one first.`,
  { rule: 'an account has a bounded number of passkeys', expected: `at most ${most}`, got: 'one more' },
  { status: 409 },
)

/** Of an id that is none of the person's passkeys. */
export const missing: Denial = deny('not_found', 'There is no such passkey.', {
  rule: "the passkey is the person's own",
  expected: 'the id of one of them',
  got: 'another id',
})

const invalidName: Denial = deny('invalid_name', 'A name has 1 to 60 characters.', {
  rule: 'a passkey has a name',
  expected: '1 to 60 characters',
  got: 'none, or more',
})

const lastWayIn: Denial = deny(
  'last_way_in',
  'This passkey is the only way into the account. Add another way first.',
  {
    rule: 'an account keeps a way in (PK-2)',
    expected: 'a password, a mailed code or another passkey',
    got: 'nothing else',
  },
  { status: 409 },
)

const otherFactorNeeded: Denial = deny(
  'other_factor_needed',
  'Confirm that it is you in another way than with this passkey.',
  {
    rule: 'the removal of a factor needs another one (MF-4)',
    expected: 'a session that proved something else too',
    got: 'one that proved a passkey only',
    remedy: 'Sign in with the password or a mailed code, then remove it.',
  },
  { status: 403 },
)
