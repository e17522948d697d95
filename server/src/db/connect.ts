/**
 * Owns the connection pool to PostgreSQL, embedded or given. Knows no table. Start reading at `connect`.
 */
import postgres from 'postgres'
import type { Config } from '../config/schema.ts'
import type { EmbeddedAddress } from './embedded.ts'
import { guard } from './guard.ts'
import { createWatch, type Place } from './watch.ts'

export { withoutLimit } from './guard.ts'

export type Db = postgres.Sql
export type Tx = postgres.TransactionSql
/** What store functions take: the pool, or the transaction they are part of. */
export type Query = Db | Tx

type PoolSettings = Pick<Config, 'database_pool' | 'database_prepare'>

/** How long anybody waits for a statement. Longer than what PostgreSQL itself allows: its own answer says more. */
export const patienceMs = 6000

/**
 * Opens the pool. Connections are made on demand and made again after a restart of the server. A statement may take
 * five seconds and a lock three, so that a stuck database turns into 503 instead of a pile of waiting requests; where
 * nothing is heard at all, `limitMs` is the end.
 */
export const connect = (target: string | EmbeddedAddress, settings: PoolSettings, limitMs = patienceMs): Db => {
  const watch = createWatch(limitMs)
  // The driver's types do not name `socket`.
  const options: postgres.Options<Record<string, never>> & { socket: (place: Place) => unknown } = {
    socket: watch.open,
    max: settings.database_pool,
    prepare: settings.database_prepare,
    connect_timeout: 5,
    idle_timeout: 0,
    backoff: (retries: number) => Math.min(0.05 * 2 ** retries, 1),
    onnotice: () => {},
    connection: settings.database_prepare ? session : { application_name: session.application_name },
  }
  const pool = typeof target === 'string' ? postgres(target, options) : postgres({ ...options, ...target })
  return guard(pool, watch)
}

/**
 * What each connection says of itself when it greets PostgreSQL. PgBouncer refuses greetings with settings that it does
 * not follow: without prepared statements only the name is sent, and docs/database.md says where the limits belong then.
 */
const session = {
  application_name: 'keywright',
  statement_timeout: 5000,
  lock_timeout: 3000,
  idle_in_transaction_session_timeout: 10_000,
  // Every statement finds rows by key: planning it anew for each value would cost more than running it.
  plan_cache_mode: 'force_generic_plan',
  // In words: the driver leaves out what is false.
  jit: 'off',
  // A plan made while a table is nearly empty must still be right when it has grown.
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
}

const brokenConnection = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EHOSTDOWN',
  'EMFILE',
  'ENFILE',
])

/**
 * Tells broken infrastructure from a bug: connection failures and the SQLSTATE classes for them. Such an error is
 * answered with 503 and never becomes a verdict on a credential (security rule G-1).
 */
export const isUnavailable = (error: unknown): boolean => {
  if (typeof error !== 'object' || error === null || !('code' in error)) return false
  const code = String(error.code)
  // 08 connection, 28 authorization, 3D no such database, 40 rolled back, 53 resources, 57 operator, 58 system (disk);
  // 55P03 lock not available, 25006 read-only.
  return (
    brokenConnection.has(code) ||
    /^(08|28|3D|40|53|57|58)[0-9A-Z]{3}$/.test(code) ||
    code === '55P03' ||
    code === '25006'
  )
}

/** Tells whether a statement broke the unique constraint of this name. */
export const isUniqueViolation = (error: unknown, constraint?: string): boolean =>
  error instanceof postgres.PostgresError &&
  error.code === '23505' &&
  (constraint === undefined || error.constraint_name === constraint)
