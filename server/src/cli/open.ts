/**
 * Owns what a command stands on: the same settings, database and record as the server's, beside a running server or
 * without one. Everything is closed again. Loaded only by commands that need it. Start reading at `withCtx`.
 */
import { grants, letters } from '../app.ts'
import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { createCtx, type Ctx } from '../ctx.ts'
import { readDeployment } from '../db/deployment.ts'
import { migrate } from '../db/migrate.ts'
import { createLog } from '../io/log.ts'
import { type Opened, openDatabase } from '../open.ts'
import { seed } from '../operations/seed.ts'
import { removeNode } from '../sessions/nodes.ts'
import { version } from '../version.ts'
import { note } from './output.ts'

/**
 * Runs a command's work on the migrated database of this deployment. Throws StartError when it cannot be opened.
 * `mayBeFirst`: whether the command is meant to make a database; any other says so when it had to.
 */
export const withCtx = async <T>(work: (ctx: Ctx) => Promise<T>, { mayBeFirst = false } = {}): Promise<T> =>
  await withDatabase(async (config, opened) => {
    if (opened.firstStart && !mayBeFirst) note(madeOne(config.data_dir))
    await prepare(config, opened)
    return await asNode(config, opened, work)
  })

/** Whoever stands in another folder than the server looks at an empty database, and wonders where everything went. */
const madeOne = (folder: string): string =>
  `Note: there was no database, so an empty one was made in ${folder}. Commands read the same settings as the server (.env or environment).`

/** Brings the schema up and returns what was applied. A new database gets what the server's first start would give it. */
export const prepare = async (config: Config, opened: Opened): Promise<string[]> => {
  const applied = await migrate(opened.db)
  const isNew = applied.includes('foundation')
  if (isNew) await asNode(config, opened, async (ctx) => await seed(ctx, { demo: config.profile === 'development' }))
  return applied
}

/** Runs work as one more node on the opened database, whose schema is taken as it is. */
export const asNode = async <T>(config: Config, opened: Opened, work: (ctx: Ctx) => Promise<T>): Promise<T> => {
  const ctx = createCtx({
    config,
    db: opened.db,
    // Standard output belongs to the result.
    ...createLog({ level: 'silent' }),
    version,
    rootSecret: opened.rootSecret,
    deploymentId: await readDeployment(opened.db),
    grantTypes: grants.map((grant) => grant.grant_type),
    letters,
  })
  try {
    // Tells how far this machine's clock is from the database's, so that what is written has the right time.
    await ctx.feed.pull()
    return await work(ctx)
  } finally {
    // A node that is gone must not be waited for.
    await removeNode(ctx.db, ctx.nodeId).catch(() => {})
    ctx.mailer?.close()
  }
}

/** Runs work on the opened database as it is, without migrations. `config` is that of the environment unless given. */
export const withDatabase = async <T>(
  work: (config: Config, opened: Opened) => Promise<T>,
  config: Config = loadConfig().config,
): Promise<T> => {
  // A command needs few connections; the running servers need the others.
  const opening = openDatabase({ ...config, database_pool: 2 }, () => {})
  const forget = closeOnSignal(opening)
  try {
    const opened = await opening
    try {
      return await work(config, opened)
    } finally {
      await opened.close()
    }
  } finally {
    forget()
  }
}

/** Ctrl-C stops the embedded PostgreSQL that this command started properly, even while it starts. */
const closeOnSignal = (opening: Promise<Opened>): (() => void) => {
  const stop = (signal: NodeJS.Signals): void => {
    const exit = (): never => process.exit(signal === 'SIGINT' ? 130 : 143)
    void opening.then(async (opened) => await opened.close()).then(exit, exit)
  }
  process.once('SIGINT', stop).once('SIGTERM', stop)
  return () => process.off('SIGINT', stop).off('SIGTERM', stop)
}
