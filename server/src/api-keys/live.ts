/**
 * Owns the recognition of an API key that somebody shows: ours, active, in time, and its owner may act. Answers from copies that
 * are at most a second old, so that a key that was switched off is dead everywhere within two (security rule AK-1).
 */
import type { Ctx } from '../ctx.ts'
import type { Db } from '../db/connect.ts'
import { type Cache, createCache } from '../io/cache.ts'
import { isUuid } from '../io/ids.ts'
import type { Subject } from '../protocol/claims.ts'
import { hashToken, parseOpaque, type TokenHash } from '../protocol/opaque-token.ts'
import { mayAct } from '../protocol/subject.ts'
import { rightsOf } from './rights.ts'
import { findKey, findKeyById, type LiveKey, touchKeys } from './store.ts'

export type { LiveKey } from './store.ts'

/** Where and when keys were used last, until it is written. */
export type KeyUses = {
  note: (use: { id: string; at: Date; ip: string }) => void
  flush: (db: Db) => Promise<void>
}

/** Makes the copies of a node. They are found by the hash of a secret, or by the id of the key, where a token names that. */
export const createApiKeys = (db: Db): Cache<LiveKey> =>
  createCache({
    max: 10_000,
    ttlMs: 1000,
    load: async (place) =>
      isUuid(place) ? await findKeyById(db, place) : await findKey(db, Buffer.from(place, 'base64url') as TokenHash),
  })

/** Makes the notes of a node. Of the uses within a few seconds the last one counts. */
export const createKeyUses = (): KeyUses => {
  let uses = new Map<string, { id: string; at: Date; ip: string }>()
  return {
    note: (use) => {
      uses.set(use.id, use)
    },
    flush: async (db) => {
      const sent = [...uses.values()].toSorted((one, other) => one.id.localeCompare(other.id))
      uses = new Map()
      await touchKeys(db, sent)
    },
  }
}

/** A live key, and its owner with no more than the key holds. */
export type KeyHolder = { key: LiveKey; subject: Subject }

/** Tells an API key from anything else by its beginning. */
export const isApiKey = (text: string): boolean => text.startsWith('kw_ak_')

/** Checks a key at this instant. `dead` says why, for the decision record only. */
export const checkApiKey = async (ctx: Ctx, text: string, now: Date): Promise<KeyHolder | { dead: string }> => {
  // The checksum spares the database what was mistyped; it proves nothing.
  if (parseOpaque('ak', text) === undefined) return { dead: 'not an API key of this server' }
  return await judge(ctx, await ctx.apiKeys.get(hashToken(text).toString('base64url')), now)
}

/** The same for a key that a token of its own names: what was made of a key lives no longer than it (exchange.ts). */
export const checkKeyOf = async (ctx: Ctx, client_id: string, now: Date): Promise<KeyHolder | { dead: string }> => {
  const id = client_id.slice(keyClient.length)
  return isUuid(id) ? await judge(ctx, await ctx.apiKeys.get(id), now) : { dead: 'no key' }
}

/** What stands for the client in tokens that an API key was exchanged for (RFC 9068 §2.2); no client is called so. */
export const keyClient = 'key_'

const judge = async (ctx: Ctx, key: LiveKey | undefined, now: Date): Promise<KeyHolder | { dead: string }> => {
  if (key === undefined) return { dead: 'an unknown key' }
  if (key.status !== 'active') return { dead: 'a key that is switched off' }
  if (key.expires_at <= now) return { dead: 'a key that has expired' }
  if (key.secret_expires_at !== null && key.secret_expires_at <= now) return { dead: 'a secret that was replaced' }
  const owner = await ctx.subjects.get(key.owner_id)
  const gate = mayAct({ user: owner ?? null }, 'invalid_token')
  if (gate || owner === undefined) return { dead: gate?.because.got ?? 'no owner' }
  return { key, subject: { ...owner, ...rightsOf(key, owner) } }
}
