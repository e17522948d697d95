/**
 * Owns the revocation feed (security design 3.3): rows that are written in the transaction that revokes, a view of them
 * in every node's memory, and the promise that nothing revoked works two seconds later anywhere. A node that has not
 * read the feed for two seconds stops believing its memory and asks the database. Start reading at `createFeed`.
 */
import type { Db, Query } from '../db/connect.ts'
import { issuedAtMs } from '../protocol/access-token.ts'
import { insertRevocations, pullRevocations, type RevocationRow, touchNode, watermarks } from './revocation-store.ts'

export type RevocationKind = 'session' | 'user' | 'client' | 'role' | 'family' | 'jti' | 'kid'
export type Revocation = { kind: RevocationKind; key: string }

/** What a token says that a revocation could hit. */
export type TokenFacts = {
  sub?: string
  client_id: string
  sid?: string
  grant_id?: string
  jti: string
  iat: number
  kid?: string
  roles?: string[]
}

export type Feed = {
  /** Writes revocations in the transaction of the change. Call `announce` after it has committed. */
  write: (tx: Query, revocations: Revocation[], now: Date) => Promise<void>
  /** Makes this node and every live one know, and waits for that, two seconds at most. */
  announce: () => Promise<void>
  /** Tells whether a token is dead. Answers from memory while the feed is fresh; else asks the database, whose failure is thrown. */
  isRevoked: (token: TokenFacts) => Promise<boolean>
  /** Reads the feed once. */
  pull: () => Promise<void>
  /** Age of the last successful read in milliseconds. */
  ageMs: () => number
  /** Difference of the database's clock to this machine's, in milliseconds. */
  skewMs: () => number
}

type Entry = { notBefore: number; expires: number }
type View = Map<RevocationKind, Map<string, Entry>>

export const freshMs = 2000

/** Makes the feed of one node. `lifetimeSeconds` is the longest life an access token can have. */
export const createFeed = (options: {
  db: Db
  nodeId: string
  lifetimeSeconds: number
  now: () => Date
  startedAt: Date
}): Feed => {
  const view: View = new Map()
  let watermark: string | undefined
  let lastPull = Number.NEGATIVE_INFINITY
  let others = 0
  let skew = 0
  let pulling: Promise<void> | undefined

  const pullOnce = async (): Promise<void> => {
    const asked = performance.now()
    const clock = Date.now()
    const pulled = await pullRevocations(options.db, { watermark, nodeId: options.nodeId, now: options.now() })
    for (const row of pulled.rows) remember(view, row)
    if (watermark === undefined || others > 0 || asked - touched > 1000) {
      touched = asked
      await touchNode(options.db, {
        id: options.nodeId,
        started_at: options.startedAt,
        now: pulled.db_now,
        watermark: pulled.watermark,
      })
    }
    watermark = pulled.watermark
    others = pulled.others
    skew = pulled.db_now.getTime() - (clock + (performance.now() - asked) / 2)
    lastPull = asked
  }
  let touched = Number.NEGATIVE_INFINITY
  const pull = async (): Promise<void> => {
    pulling ??= pullOnce().finally(() => {
      pulling = undefined
    })
    await pulling
  }
  const ageMs = (): number => performance.now() - lastPull

  return {
    pull,
    ageMs,
    skewMs: () => skew,
    write: async (tx, revocations, now) => {
      const expires = new Date(now.getTime() + (options.lifetimeSeconds + 60) * 1000)
      await insertRevocations(tx, revocations, now, expires)
    },
    announce: async () => {
      // A pull that was already under way may have read before the commit: the one that counts starts now.
      await pulling
      await pull()
      if (others > 0) await waitForOthers(options.db, options.nodeId, watermark ?? '0')
    },
    isRevoked: async (token) => {
      if (ageMs() > freshMs) await pull()
      return hits(view, token, options.now().getTime())
    },
  }
}

const remember = (view: View, row: RevocationRow): void => {
  const keys = view.get(row.kind) ?? new Map<string, Entry>()
  view.set(row.kind, keys)
  const known = keys.get(row.key)
  const notBefore = Math.max(row.not_before.getTime(), known?.notBefore ?? 0)
  keys.set(row.key, { notBefore, expires: Math.max(row.expires_at.getTime(), known?.expires ?? 0) })
  if (keys.size % 1000 === 0) for (const [key, entry] of keys) if (entry.expires < Date.now()) keys.delete(key)
}

/** Kinds whose revocation ends everything under the key, whenever it was issued. */
const forever = (facts: TokenFacts): [RevocationKind, string | undefined][] => [
  ['jti', facts.jti],
  ['session', facts.sid],
  ['family', facts.grant_id],
  ['kid', facts.kid],
]

/** Kinds that end what was issued before an instant: a person or a client may get new tokens afterwards. */
const epochs = (facts: TokenFacts): [RevocationKind, string | undefined][] => [
  ['user', facts.sub],
  ['client', facts.client_id],
  ...(facts.roles ?? []).map((role): [RevocationKind, string] => ['role', role]),
]

/** Decides from memory. A token without a millisecond in its jti counts as issued at the start of its second. */
const hits = (view: View, facts: TokenFacts, now: number): boolean => {
  const find = ([kind, key]: [RevocationKind, string | undefined]): Entry | undefined => {
    const entry = key === undefined ? undefined : view.get(kind)?.get(key)
    return entry !== undefined && entry.expires > now ? entry : undefined
  }
  if (forever(facts).some((pair) => find(pair) !== undefined)) return true
  const issued = issuedAtMs(facts.jti) ?? facts.iat * 1000
  return epochs(facts).some((pair) => issued <= (find(pair)?.notBefore ?? Number.NEGATIVE_INFINITY))
}

/** Waits until every node that is alive has read past the revocation, or two seconds have gone: then it distrusts itself. */
const waitForOthers = async (db: Db, nodeId: string, mine: string): Promise<void> => {
  const until = performance.now() + freshMs
  await db.notify('keywright_revocations', '')
  while (performance.now() < until) {
    const behind = (await watermarks(db, nodeId)).some((row) => BigInt(row.watermark) < BigInt(mine))
    if (!behind) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
