/**
 * Owns calls that may be repeated (draft-ietf-httpapi-idempotency-key-header): whoever lost an answer sends the call again with
 * the same Idempotency-Key and gets the same answer, secrets included; nothing is made twice. Start reading at `once`.
 */
import { hash } from 'node:crypto'
import type { Ctx } from '../ctx.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { claimCall, dropCall, findCall, keepAnswer, removeCalls } from './idempotency-store.ts'
import type { PersonPrincipal } from './principal.ts'
import type { Reply } from './reply.ts'
import type { HttpRequest } from './request.ts'

type Call = { request: HttpRequest; person: PersonPrincipal }
type Json = Extract<Reply, { kind: 'json' }>

const keptSeconds = 86_400

/** Does the work at most once for a key of this caller within a day. Without the header it is just done. */
export const once = async (ctx: Ctx, call: Call, work: () => Promise<Reply | Denial>): Promise<Reply | Denial> => {
  const key = call.request.header('idempotency-key')
  if (key === undefined) return await work()
  if (!/^[\x21-\x7e]{1,255}$/.test(key)) return malformed
  const { now } = call.request
  const row = {
    key_hash: hash('sha256', JSON.stringify([callerOf(call), key]), 'buffer'),
    request_hash: hash('sha256', JSON.stringify([call.request.method, call.request.path, call.request.json]), 'buffer'),
    created_at: now,
    expires_at: new Date(now.getTime() + keptSeconds * 1000),
  }
  if (!(await claimCall(ctx.db, row))) return await repeat(ctx, row)
  return await doAndKeep(ctx, row.key_hash, work)
}

/** Keys of one caller are no business of another: whoever calls for somebody has keys of their own. */
const callerOf = ({ person }: Call): string[] => [person.subject.id, person.client_id ?? '', person.api_key?.id ?? '']

const doAndKeep = async (ctx: Ctx, key_hash: Buffer, work: () => Promise<Reply | Denial>): Promise<Reply | Denial> => {
  // A failure that is nobody's answer leaves the claim: whether the work was done is unknown then.
  const result = await work()
  if (isDenial(result) || result.kind !== 'json' || result.status >= 400) await dropCall(ctx.db, key_hash)
  else await keepAnswer(ctx.db, key_hash, ctx.secrets.seal(JSON.stringify(result), placeOf(key_hash)))
  return result
}

const placeOf = (key_hash: Buffer): string => `idempotent_calls|answer|${key_hash.toString('base64url')}`

const repeat = async (ctx: Ctx, row: { key_hash: Buffer; request_hash: Buffer }): Promise<Reply | Denial> => {
  const known = await findCall(ctx.db, row.key_hash)
  if (known === undefined || known.answer_sealed === null) return underway
  if (!known.request_hash.equals(row.request_hash)) return another
  const reply = JSON.parse(ctx.secrets.open(known.answer_sealed, placeOf(row.key_hash))) as Json
  return { ...reply, headers: { ...reply.headers, 'idempotency-replayed': 'true' } }
}

/** What of this has an end. */
export const removeExpired = removeCalls

const rule = 'a key stands for one call (Idempotency-Key)'

const malformed: Denial = deny('invalid_request', 'The Idempotency-Key cannot be read.', {
  rule,
  expected: '1 to 255 printable ASCII characters',
  got: 'something else',
})

const underway: Denial = deny(
  'call_underway',
  'The first call with this Idempotency-Key has not ended.',
  {
    rule,
    expected: 'an answer to the first call',
    got: 'none yet',
    remedy: 'Wait a moment and repeat it. When it never ends, look whether the object is there.',
  },
  { status: 409, retry_after_seconds: 1 },
)

const another: Denial = deny(
  'idempotency_key_reused',
  'This Idempotency-Key was used for another call.',
  { rule, expected: 'the same call', got: 'another one', remedy: 'Take a new key for each call.' },
  { status: 422 },
)
