/**
 * Owns the warning that tokens have grown too large for the headers they travel in. They are issued all the same: nobody is
 * locked out by a role too many. Start reading at `checkSize`.
 */
import type { Ctx } from '../ctx.ts'
import { record } from '../events/record.ts'
import { upsertLargeToken } from './usage-store.ts'

/** `resource` is the audience of the token, or the client for an ID token. */
export type Sized = {
  client_id: string
  resource: string
  token: string
  budgetBytes: number
  claims: object
  now: Date
}

const quietMs = 3_600_000

/** When a client was last warned of, for each API; on this node. */
export type Warned = Map<string, number>

/** Records, at most once an hour for each client and API, that a token is larger than its budget, and which claim makes it so. */
export const checkSize = async (ctx: Ctx, sized: Sized): Promise<void> => {
  const { token, budgetBytes, client_id, resource, now } = sized
  if (token.length <= budgetBytes) return
  const key = `${client_id}|${resource}`
  if (now.getTime() - (ctx.largeTokens.get(key) ?? 0) < quietMs) return
  if (ctx.largeTokens.size >= 10_000) ctx.largeTokens.clear()
  ctx.largeTokens.set(key, now.getTime())
  const claim = largestClaim(sized.claims)
  const facts = { resource, bytes: token.length, budget_bytes: budgetBytes, claim }
  ctx.log.warn({ client_id, ...facts }, 'a token is larger than its budget')
  await upsertLargeToken(ctx.db, { client_id, ...facts, at: now })
  await record(ctx.db, { type: 'token.too_large', now, client_id, data: facts })
}

/** The claim that takes the most room. */
export const largestClaim = (claims: object): string =>
  Object.entries(claims)
    .map(([name, value]) => ({ name, bytes: name.length + JSON.stringify(value).length }))
    .toSorted((one, other) => other.bytes - one.bytes)[0]?.name ?? ''
