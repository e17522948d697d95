/**
 * Owns what introspection tells of an API key (RFC 7662): to a client that serves APIs, what the key is worth there; to everybody
 * else nothing (security rule IN-1).
 */
import { rightsFor } from '../apis/rights.ts'
import type { Ctx } from '../ctx.ts'
import { checkApiKey, keyClient } from './live.ts'

type Served = { audiences: readonly string[] }

/** The members of an active key; undefined for one that is dead, or none of the asking client's business. */
export const describeKey = async (
  ctx: Ctx,
  text: string,
  { audiences, now, ip }: Served & { now: Date; ip: string },
): Promise<Record<string, unknown> | undefined> => {
  if (audiences.length === 0) return undefined
  const checked = await checkApiKey(ctx, text, now)
  if ('dead' in checked) return undefined
  const { key, subject } = checked
  ctx.keyUses.note({ id: key.id, at: now, ip })
  return {
    active: true,
    token_type: 'api_key',
    iss: ctx.config.issuer,
    sub: subject.id,
    client_id: `${keyClient}${key.id}`,
    aud: audiences.length === 1 ? audiences[0] : audiences,
    exp: Math.floor(key.expires_at.getTime() / 1000),
    ...(subject.username && { username: subject.username }),
    ...rightsFor(subject, audiences, await ctx.apis.all()),
  }
}
