/**
 * Owns what stands between us and the driver's functions: every statement is watched (watch.ts), and a transaction
 * whose connection is lost takes no further statement. Never looks at a statement's text. Start reading at `guard`.
 * It knows the inside of the driver (postgres 3.4.9) where its interface does not reach: docs/adr/0009.
 */
import type postgres from 'postgres'
import type { Waiting, Watch } from './watch.ts'

type Db = postgres.Sql
type Tx = postgres.TransactionSql
type Work = (tx: Tx) => Promise<unknown>

/** A statement of the driver, with what its types do not tell: nothing runs before `handler` is called. */
type Statement = Promise<unknown> & {
  handler: (statement: Statement) => void
  /** Set once it has been given to a connection. */
  state: object | null
  cancelled: object | null
  executed: boolean
  cancel: () => void
  reject: (error: unknown) => void
}
type Connection = { execute: (statement: Statement) => unknown }
type UnsafeOptions = { onexecute?: (connection: Connection) => void }
type Send = (statement: Statement) => void
type Call = (...args: unknown[]) => unknown
type Unsafe = (text: string, args: unknown[], options: UnsafeOptions) => Statement

const pools = new WeakMap<Db, Db>()

/** The pool as everybody is to use it. Its `end` ends the watch too. */
export const guard = (pool: Db, watch: Watch): Db => {
  const calls = callsOf(pool, (statement, send) => watched(watch, statement, send))
  watchBegin(pool, watch)
  const own = {
    unsafe: calls.unsafe,
    notify: (channel: string, payload: string) => calls.call`select pg_notify(${channel}, ${payload})`,
    begin: async (work: Work) => await begin(pool, watch, work),
    end: async (options?: { timeout?: number }) => {
      await pool.end(options)
      watch.stop()
    },
  }
  const guarded = Object.assign(calls.call, pool, own) as Db
  pools.set(guarded, pool)
  return guarded
}

/** The pool for work that may take any time: a migration, a copy of a database. Statements through it are not watched. */
export const withoutLimit = (db: Db): Db => pools.get(db) ?? db

/** The driver's functions that make statements, with something done to each when it is about to be sent. */
const callsOf = <T extends Db | Tx>(sql: T, about: (statement: Statement, send: Send) => void) => {
  const prepare = (made: unknown): unknown => {
    // What is no promise is a part of a statement: a name, or values.
    if (!(made instanceof Promise)) return made
    const statement = made as Statement
    const send = statement.handler
    statement.handler = (self) => about(self, send)
    return statement
  }
  const call: Call = (...args) => prepare((sql as unknown as Call)(...args))
  const { unsafe: makeUnsafe } = sql as unknown as { unsafe: Call }
  const unsafe: Call = (...args) => prepare(makeUnsafe(...args))
  return { call: call as unknown as T, unsafe: unsafe as unknown as T['unsafe'] }
}

const watched = (watch: Watch, statement: Statement, send: Send, onLate = giveUp): void => {
  const waiting = watch.wait(() => onLate(statement))
  const settle = (): void => watch.done(waiting)
  send(statement)
  void statement.then(settle, settle)
}

/** Takes a statement that is not sent yet out of the pool's queue. */
const giveUp = (statement: Statement): void => {
  if (isSent(statement)) return
  statement.cancel()
  // Where it is the first of a new connection, the driver would skip it and then never use that connection.
  statement.cancelled = null
}

const isSent = (statement: Statement): boolean => statement.state !== null

/** Watches the statement with which the driver begins a transaction, which may wait long for a connection. */
const watchBegin = (pool: Db, watch: Watch): void => {
  const { unsafe: makeUnsafe } = pool as unknown as { unsafe: Unsafe }
  const unsafe = (text: string, args: unknown[] = [], options: UnsafeOptions = {}): Statement => {
    const { onexecute } = options
    if (onexecute === undefined) return makeUnsafe(text, args, options)
    let late = false
    const statement = makeUnsafe(text, args, {
      onexecute: (connection) => {
        onexecute(connection)
        // Nobody is there any more to use this transaction, or to end it.
        if (late) connection.execute(unheard(makeUnsafe('rollback', [], {})))
      },
    })
    const send = statement.handler
    statement.handler = (self) =>
      watched(watch, self, send, () => {
        late ||= !isSent(self)
        giveUp(self)
      })
    return statement
  }
  pool.unsafe = unsafe as unknown as Db['unsafe']
}

/** A statement that is given to a connection directly, and about whose end nobody wants to hear. */
const unheard = (statement: Statement): Statement => {
  statement.executed = true
  statement.then(undefined, () => {})
  return statement
}

/** `lost`: the connection is gone, and with it what the transaction has done. */
type Open = { watch: Watch; lost: boolean }

const begin = async (pool: Db, watch: Watch, work: Work): Promise<unknown> => {
  const open: Open = { watch, lost: false }
  let ending: Waiting | undefined
  try {
    return await pool.begin(async (tx) => {
      const result = unlessLost(open, work(guardTx(tx, open)))
      // What follows is a commit or a rollback, which the driver sends.
      await result.catch(() => {})
      ending = watch.wait()
      return await result
    })
  } catch (error) {
    open.lost = true
    throw error
  } finally {
    if (ending !== undefined) watch.done(ending)
  }
}

const guardTx = (tx: Tx, open: Open): Tx => {
  const calls = callsOf(tx, (statement, send) => {
    if (open.lost) return statement.reject(new ConnectionLost('The connection of this transaction is gone.'))
    watched(open.watch, statement, send)
    statement.then(undefined, (error: unknown) => {
      if (isLoss(error)) open.lost = true
    })
  })
  const savepoint = async (work: Work): Promise<unknown> =>
    await tx.savepoint(async (inner) => await unlessLost(open, work(guardTx(inner, open))))
  return Object.assign(calls.call, tx, { unsafe: calls.unsafe, savepoint }) as Tx
}

/**
 * The result of a transaction's work, or no end at all when the connection is lost: the driver rejects the transaction
 * by itself then, but would send its commit or rollback to a connection that is not there, and end the process.
 */
const unlessLost = async <T>(open: Open, work: Promise<T>): Promise<T> => {
  try {
    const result = await work
    return open.lost ? await never() : result
  } catch (error) {
    if (open.lost || isLoss(error)) return await never()
    throw error
  }
}

const never = async (): Promise<never> => await new Promise<never>(() => {})

class ConnectionLost extends Error {
  override name = 'ConnectionLost'
  code = 'CONNECTION_CLOSED'
}

/** Errors after which the driver closes the connection. */
const losses = new Set([
  'CONNECTION_CLOSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EHOSTDOWN',
])

const isLoss = (error: unknown): boolean => error instanceof Error && 'code' in error && losses.has(String(error.code))
