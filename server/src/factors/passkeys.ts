/**
 * Owns passkeys as proofs: what a browser is asked, and whether its answer proves a person (security rule PK-1). Whoever
 * calls decides what the proof is good for. Keeping them is passkey-keeping.ts's. Start reading at `provePasskey`.
 */
import { isIP } from 'node:net'
import type { Ctx } from '../ctx.ts'
import { callerOf, record } from '../events/record.ts'
import type { HttpRequest } from '../http/request.ts'
import { sameBytes } from '../io/secrets.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { type Ceremony, ceremonyMs, makeChallenge, spend } from './passkey-challenge.ts'
import { findPasskey, hasPasskey, listPasskeys, type PasskeyRow, usePasskey } from './passkey-store.ts'
import {
  type Assertion,
  type Asserted,
  challengeOf,
  library,
  type Place,
  readAssertion,
  verifyAssertion,
  WebAuthnRefused,
} from './webauthn.ts'

/** Where our ceremonies happen: at the issuer's origin, for its host (WebAuthn §5.1.2: the RP ID is a domain, never a port or path). */
export const placeOf = (ctx: Pick<Ctx, 'config' | 'edge'>): Place => ({
  origin: ctx.edge.origin,
  rp_id: new URL(ctx.config.issuer).hostname,
})

/** Whether passkeys are to be had: allowed by the operator, and the issuer has a name: an address of digits cannot have any. */
export const passkeysOn = (ctx: Pick<Ctx, 'config' | 'edge'>): boolean =>
  ctx.config.factors.includes('passkey') && isIP(placeOf(ctx).rp_id.replaceAll(/[[\]]/g, '')) === 0

/** The refusal where they are not. */
export const switchedOff: Denial = deny(
  'access_denied',
  'Passkeys are switched off here.',
  {
    rule: 'the operator allows passkeys (KEYWRIGHT_FACTORS)',
    expected: 'passkey among the factors, and an issuer with a host name',
    got: 'neither or one of them',
  },
  { status: 403 },
)

/** The handle under which passkeys know a person: it tells nothing about them (WebAuthn §14.6.1). */
export const userHandle = (ctx: Ctx, user_id: string): Buffer => ctx.secrets.mac('passkey', user_id)

/** How a browser names a passkey (WebAuthn §5.8.3). */
export const descriptorOf = ({ credential_id, transports }: PasskeyRow) => ({
  type: 'public-key' as const,
  id: credential_id.toString('base64url'),
  ...(transports.length > 0 && { transports }),
})

/** Asking for a passkey: `sign_in` of whomever, `factor` of a person who has proved something else already. */
export type Asking = {
  ceremony: Exclude<Ceremony, 'register'>
  /** The browser cookie. */
  bound_to: string
  /** Whose it has to be: somebody who is known already. Their passkeys are offered, those too that cannot name their owner. */
  user_id?: string | undefined
}

/** WebAuthn §5.5 PublicKeyCredentialRequestOptionsJSON. */
export const requestOptions = async (ctx: Ctx, request: HttpRequest, asking: Asking) => {
  const challenge = await makeChallenge(ctx, { ...asking, now: request.now })
  const known = asking.user_id === undefined ? [] : await listPasskeys(ctx.db, asking.user_id)
  // The answer comes soon; what reads it is loaded meanwhile.
  void library().catch(() => {})
  return {
    challenge,
    rpId: placeOf(ctx).rp_id,
    timeout: ceremonyMs,
    userVerification: 'preferred' as const,
    allowCredentials: known.map(descriptorOf),
  }
}

/** What a passkey has proved: whose it is, and how (RFC 8176). `passkey_id` lets the end of a sign-in see whether it is still there. */
export type PasskeyProof = { user_id: string; passkey_id: string; amr: string[] }
/** Nothing was proved. `got` is for the operator; to the person all of them are one. */
export type PasskeyFailure = { failed: true; got: string; user_id: string | undefined }

/** Proves a person by what a browser answered. The challenge is used up by it, whatever the outcome. */
export const provePasskey = async (
  ctx: Ctx,
  request: HttpRequest,
  asking: Asking & { sent: unknown },
): Promise<PasskeyProof | PasskeyFailure> => {
  if (!passkeysOn(ctx)) return failure('passkeys are switched off')
  const assertion = readAssertion(asking.sent)
  const challenge = assertion && challengeOf(assertion)
  if (assertion === undefined || challenge === undefined) return failure('no assertion that can be read')
  const spent = await spend(ctx, challenge, { ...asking, now: request.now })
  if (spent === undefined)
    return failure('a challenge that is used, expired, unknown, or of another browser, ceremony or person')
  const passkey = await findPasskey(ctx.db, Buffer.from(assertion.id, 'base64url'))
  if (passkey === undefined) return failure('an unknown credential')
  const stranger = checkOwner(ctx, { assertion, passkey, expected: spent.user_id ?? undefined })
  if (stranger !== undefined) return failure(stranger, passkey.user_id)
  const asserted = await asserts(ctx, { assertion, challenge, passkey })
  if (asserted instanceof WebAuthnRefused) return failure(asserted.message, passkey.user_id)
  return (await noteUse(ctx, request, { passkey, asserted }))
    ? proofOf(passkey, asserted)
    : failure('a passkey that was removed meanwhile', passkey.user_id)
}

/**
 * The same as a second step of somebody. Nothing is counted: a signature is not guessed. Refuses with `wrong_passkey` (401).
 */
export const provePasskeyOf = async (
  ctx: Ctx,
  request: HttpRequest,
  { user_id, ...facts }: { user_id: string; bound_to: string; sent: unknown },
): Promise<PasskeyProof | Denial> => {
  const proof = await provePasskey(ctx, request, { ...facts, user_id, ceremony: 'factor' })
  if (!('failed' in proof)) return proof
  const { now } = request
  const data = { kind: 'passkey' }
  await record(ctx.db, { type: 'factor.refused', now, user_id, data, ...callerOf(request) })
  return wrongPasskey(proof.got)
}

/** The one refusal that there is. */
export const wrongPasskey = (got: string): Denial =>
  deny(
    'wrong_passkey',
    'That passkey did not work.',
    {
      rule: 'a passkey proves the person (PK-1)',
      expected: 'an answer of a known passkey to a challenge of this browser',
      got,
    },
    { status: 401 },
  )

const failure = (got: string, user_id?: string): PasskeyFailure => ({ failed: true, got, user_id })

type Owned = { assertion: Assertion; passkey: PasskeyRow; expected: string | undefined }

/** WebAuthn §7.2 step 6: the credential is the person's whom we expect, else the person's whom it names itself. */
const checkOwner = (ctx: Ctx, { assertion, passkey, expected }: Owned): string | undefined => {
  const named = assertion.response.userHandle ?? undefined
  if (expected !== undefined && passkey.user_id !== expected) return "another person's credential"
  if (named === undefined) return expected === undefined ? 'no user handle' : undefined
  const isOwn = sameBytes(Buffer.from(named, 'base64url'), userHandle(ctx, passkey.user_id))
  return isOwn ? undefined : "another person's user handle"
}

type Facts = { assertion: Assertion; challenge: string; passkey: PasskeyRow }

const asserts = async (ctx: Ctx, facts: Facts): Promise<Asserted | WebAuthnRefused> => {
  try {
    return await verifyAssertion({ ...facts, place: placeOf(ctx), verified_user: false })
  } catch (error) {
    if (error instanceof WebAuthnRefused) return error
    throw error
  }
}

/** False when the passkey is gone. A counter that went back may mean a copy: it is written down and no reason to refuse (security rule PK-2). */
const noteUse = async (
  ctx: Ctx,
  request: HttpRequest,
  { passkey, asserted }: { passkey: PasskeyRow; asserted: Asserted },
): Promise<boolean> => {
  const { id, user_id } = passkey
  const { now } = request
  const { sign_count } = asserted
  const used = await usePasskey(ctx.db, { id, ...asserted, now })
  if (used === undefined) return false
  // WebAuthn §7.2 step 21.
  const wentBack = (used.before > 0 || sign_count > 0) && sign_count <= used.before
  if (wentBack) {
    const data = { passkey_id: id, before: used.before, got: sign_count }
    await record(ctx.db, { type: 'passkey.counter_went_back', now, user_id, data, ...callerOf(request) })
  }
  return true
}

/** RFC 8176 §2: `swk` for a key that may be copied to other devices, `hwk` for one that may not; with the user verified it is two factors. */
const proofOf = ({ id, user_id, backup_eligible }: PasskeyRow, { user_verified }: Asserted): PasskeyProof => ({
  user_id,
  passkey_id: id,
  amr: [backup_eligible ? 'swk' : 'hwk', 'user', ...(user_verified ? ['mfa'] : [])],
})

/** Whether a passkey that proved something is still its owner's, within the transaction that acts on the proof. */
export const passkeyStands = hasPasskey
