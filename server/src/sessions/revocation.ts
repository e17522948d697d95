/**
 * Owns the revocation feed (security design 3.3): rows that are written in the transaction that revokes, a view of them
 * in every node's memory, and the promise that nothing revoked works two seconds later anywhere. A node that has not
 * read the feed for two seconds stops believing its memory and asks the database. Start reading at `createFeed`.
 */
import type { Db, Query } from '../db/connect.ts'
import type { Happening } from '../events/record.ts'
import { Unavailable } from '../io/unavailable.ts'
import { issuedAtMs } from '../protocol/access-token.ts'
import {
  insertRevocationAndEvent,
  insertRevocations,
  pullRevocations,
  readTimes,
  type Revocation,
  type RevocationKind,
  type RevocationRow,
  touchNode,
} from './revocation-store.ts'

export type { Revocation, RevocationKind, RevocationRow } from './revocation-store.ts'

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
  permissions?: string[]
}

export type Feed = {
  /** Writes revocations in the transaction of the change. Call `announce` after it has committed. */
  write: (tx: Query, revocations: Revocation[], now: Date) => Promise<void>
  /** Writes one revocation together with its event, in one statement. Call `announce` afterwards. */
  writeOne: (tx: Query, revocation: Revocation & { expires_at?: Date }, happening: Happening) => Promise<void>
  /** Makes this node and every live one know, and waits for that, two seconds at most. */
  announce: () => Promise<void>
  /** Tells whether a token is dead. Answers from memory while the feed is fresh; else asks the database, whose failure is thrown. */
  isRevoked: (token: TokenFacts) => Promise<boolean>
  /** Reads the feed once. Throws Unavailable when that takes longer than a second and a half. */
  pull: () => Promise<void>
  /** Age of the last successful read in milliseconds. */
  ageMs: () => number
  /** Difference of the database's clock to this machine's, in milliseconds. */
  skewMs: () => number
  /** Hears of every revocation once, as each is read. Returns what ends that. Who begins to listen reads what was before. */
  follow: (listener: Listener) => () => void
  /** Everything below this transaction id has been read; undefined before the first read. */
  watermark: () => string | undefined
}

/** Called within the step in which a read counts. Never throws. */
export type Listener = (rows: RevocationRow[]) => void

type Entry = { notBefore: number; expires: number }
type View = Map<RevocationKind, Map<string, Entry>>

export const freshMs = 2000
/** How long a reading may take. Shorter than `freshMs`: whoever waits for it is told in time that nobody knows. */
const readingMs = 1500
/** How soon one read for those who revoke follows another. */
const gatheringMs = 5

type Options = { db: Db; nodeId: string; lifetimeSeconds: number; now: () => Date; startedAt: Date }
type State = Options & {
  view: View
  watermark: string | undefined
  /** `performance.now()` of the last read that worked, and of the last time the other nodes were told. */
  pulledAt: number
  touchedAt: number
  others: number
  skewMs: number
  /** The database's clock at the end of that read. */
  dbNow: Date
  pulling: Promise<void> | undefined
  /** The read that those wait for who have committed a revocation since the last one began. */
  announcing: Promise<void> | undefined
  listeners: Set<Listener>
  /** The numbers that the last read found: what the next one finds again is no news. */
  told: Set<string>
}

/** Makes the feed of one node. `lifetimeSeconds` is the longest life an access token can have. */
export const createFeed = (options: Options): Feed => {
  const state = begin(options)
  return {
    pull: async () => await pull(state),
    ageMs: () => performance.now() - state.pulledAt,
    skewMs: () => state.skewMs,
    watermark: () => state.watermark,
    follow: (listener) => listen(state, listener),
    write: async (tx, revocations, now) => {
      const expires = new Date(now.getTime() + (options.lifetimeSeconds + 60) * 1000)
      await insertRevocations(tx, revocations, now, expires)
    },
    writeOne: async (tx, revocation, happening) => {
      const { now } = happening
      const expires_at = revocation.expires_at ?? new Date(now.getTime() + (options.lifetimeSeconds + 60) * 1000)
      await insertRevocationAndEvent(tx, { ...revocation, now, expires_at }, happening)
    },
    announce: async () => await announce(state),
    isRevoked: async (token) => {
      if (performance.now() - state.pulledAt > freshMs) await pull(state)
      return hits(state.view, token, options.now().getTime())
    },
  }
}

const begin = (options: Options): State => ({
  ...options,
  view: new Map(),
  watermark: undefined,
  pulledAt: Number.NEGATIVE_INFINITY,
  touchedAt: Number.NEGATIVE_INFINITY,
  others: 0,
  skewMs: 0,
  dbNow: new Date(0),
  pulling: undefined,
  announcing: undefined,
  listeners: new Set(),
  told: new Set(),
})

/** One read at a time; whoever asks meanwhile waits for the one under way. */
const pull = async (state: State): Promise<void> => {
  state.pulling ??= withinReading(pullOnce(state)).finally(() => {
    state.pulling = undefined
  })
  await state.pulling
}

const late = (): Unavailable => new Unavailable('the revocation feed does not answer')

const withinReading = async (reading: Promise<void>): Promise<void> => {
  const { promise: tooLate, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(late()), readingMs)
  await Promise.race([reading, tooLate]).finally(() => clearTimeout(timer))
}

const pullOnce = async (state: State): Promise<void> => {
  const asked = performance.now()
  const clock = Date.now()
  const pulled = await pullRevocations(state.db, { watermark: state.watermark, nodeId: state.nodeId, now: state.now() })
  // Too late to be believed: the next read may be under way, and whoever waits for this one must not take it for an answer.
  if (performance.now() - asked > readingMs) throw late()
  for (const row of pulled.rows) remember(state.view, row)
  // The database read its clock at some moment in between: only what lies beyond that doubt is a difference.
  const doubt = (performance.now() - asked) / 2
  const apart = pulled.db_now.getTime() - (clock + doubt)
  state.skewMs = Math.sign(apart) * Math.max(0, Math.abs(apart) - doubt)
  state.watermark = pulled.watermark
  state.others = pulled.others
  state.dbNow = pulled.db_now
  state.pulledAt = asked
  tell(state, pulled.rows)
  // Somebody may be waiting for this node; alone, a sign of life each second will do.
  if (pulled.others === 0 && asked - state.touchedAt < 1000) return
  state.touchedAt = asked
  const { nodeId: id, startedAt: started_at } = state
  await touchNode(state.db, { id, started_at, now: pulled.read_at, watermark: pulled.watermark })
}

const listen = ({ listeners }: State, listener: Listener): (() => void) => {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** A row is found by each read until no older transaction is left, without a gap: one that the last read knew was told. */
const tell = (state: State, rows: RevocationRow[]): void => {
  const news = rows.filter(({ seq }) => !state.told.has(seq))
  state.told = new Set(rows.map(({ seq }) => seq))
  if (news.length > 0) for (const listener of state.listeners) listener(news)
}

/** Whoever revokes while others do shares a read with them: each read for itself would cost more than what it tells of. */
const announce = async (state: State): Promise<void> => {
  state.announcing ??= readForAll(state)
  await state.announcing
  if (state.others > 0) await waitForOthers(state.db, state.nodeId, state.dbNow)
}

const readForAll = async (state: State): Promise<void> => {
  // At least one step later, so that those who ask meanwhile find this one.
  const rest = Math.max(0, gatheringMs - (performance.now() - state.pulledAt))
  await (rest > 0 ? new Promise((resolve) => setTimeout(resolve, rest)) : Promise.resolve())
  // A read that is under way may have begun before the last of the commits: the one that counts starts after it.
  while (state.pulling !== undefined) await state.pulling.catch(() => {})
  // In one step with the start of the read: who commits later needs a later one.
  state.announcing = undefined
  await pull(state)
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

/** What a permission is called among the roles of the feed; no role can be called so. */
export const permissionKey = (name: string): string => `permission ${name}`

/** Kinds that end what was issued before an instant: a person or a client may get new tokens afterwards. */
const epochs = (facts: TokenFacts): [RevocationKind, string | undefined][] => [
  ['user', facts.sub],
  ['client', facts.client_id],
  ...[...(facts.roles ?? []), ...(facts.permissions ?? []).map(permissionKey)].map((key): [RevocationKind, string] => [
    'role',
    key,
  ]),
]

/** Decides from memory. A token without a millisecond in its jti counts as issued at the start of its second. */
const hits = (view: View, facts: TokenFacts, now: number): boolean => {
  const find = ([kind, key]: [RevocationKind, string | undefined]): Entry | undefined => {
    const entry = key === undefined ? undefined : view.get(kind)?.get(key)
    return entry !== undefined && entry.expires > now ? entry : undefined
  }
  if (forever(facts).some((pair) => find(pair) !== undefined)) return true
  const issued = issuedAtMs(facts.jti) ?? facts.iat * 1000
  // Most of the time no role has lost anything, and there is no name to look for.
  const roleless = (view.get('role')?.size ?? 0) === 0
  return epochs(roleless ? { ...facts, roles: [], permissions: [] } : facts).some(
    (pair) => issued <= (find(pair)?.notBefore ?? Number.NEGATIVE_INFINITY),
  )
}

/**
 * Waits until every node that is alive has read after the revocation was committed, or two seconds have gone: then it
 * distrusts itself. Times are compared, not watermarks, which stand still while any transaction stays open.
 */
const waitForOthers = async (db: Db, nodeId: string, committedBy: Date): Promise<void> => {
  const until = performance.now() + freshMs
  await db.notify('keywright_revocations', '')
  while (performance.now() < until) {
    const behind = (await readTimes(db, nodeId)).some((row) => row.seen_at <= committedBy)
    if (!behind) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
