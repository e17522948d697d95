/**
 * Owns refresh token families: one row per family, and a token that is family id, generation, the family's nonce and a
 * MAC over them (security design 3.4; the nonce travels so that the MAC is checked before any query). Any old
 * generation is recognised for ever; a forged one fails the MAC and revokes nothing.
 */
import type { Ctx } from '../ctx.ts'
import { randomBytes } from '../io/ids.ts'
import { sameBytes } from '../io/secrets.ts'
import { mintOpaque, type PlainToken, parseOpaque } from '../protocol/opaque-token.ts'

export type FamilyKey = { id: string; gen: number; nonce: Buffer }

// How other slices end families: forwarded as they are, because a store is its slice's own (rule 9).
export {
  deleteTokensOf as forgetTokens,
  listFamiliesOf as familiesOf,
  revokeFamiliesOfClient,
  revokeFamiliesOfConsent,
  revokeFamiliesOfSession,
  revokeFamiliesOfUser,
} from './store.ts'

const nonceBytes = 8
const macBytes = 24
const bodyBytes = 20 + nonceBytes

/** The refresh token of a generation. The same generation always gives the same token, so that a lost answer can be repeated. */
export const mintRefreshToken = (ctx: Ctx, family: FamilyKey): PlainToken => {
  const body = Buffer.alloc(bodyBytes)
  body.write(family.id.replaceAll('-', ''), 'hex')
  body.writeUInt32BE(family.gen, 16)
  family.nonce.copy(body, 20, 0, nonceBytes)
  return mintOpaque('rt', Buffer.concat([body, macOf(ctx, body)]))
}

/** What a refresh token says, when it is one that we made; undefined for anything else. Asks no database. */
export const openRefreshToken = (ctx: Ctx, token: string): FamilyKey | undefined => {
  const bytes = parseOpaque('rt', token)
  if (bytes?.length !== bodyBytes + macBytes) return undefined
  const body = bytes.subarray(0, bodyBytes)
  if (!sameBytes(macOf(ctx, body), bytes.subarray(bodyBytes))) return undefined
  const hex = body.toString('hex', 0, 16)
  const id = `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
  return { id, gen: body.readUInt32BE(16), nonce: body.subarray(20) }
}

/** A family's own random bytes: without the row, the root secret alone forges nothing. */
export const newNonce = (): Buffer => randomBytes(nonceBytes)

const macOf = (ctx: Ctx, body: Buffer): Buffer => ctx.secrets.mac('refresh', body).subarray(0, macBytes)
