/**
 * Owns the life of a server process: open everything, listen, do the recurring work, drain, close. Start reading at `serve`.
 */
import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import { authenticators, grants, letters, routesFor } from './app.ts'
import type { Config } from './config/schema.ts'
import { StartError } from './config/start-error.ts'
import { createCtx, type Ctx } from './ctx.ts'
import { readDeployment } from './db/deployment.ts'
import { migrate } from './db/migrate.ts'
import { buildServer } from './http/server.ts'
import type { Logs } from './io/log.ts'
import { checkRootSecret } from './keys/root-secret.ts'
import { generateKey, keysChannel, loadKeys, rotateKeys } from './keys/rotate.ts'
import { startJobs } from './jobs.ts'
import type { Opened } from './open.ts'
import { removeNode } from './sessions/nodes.ts'
import { seed } from './operations/seed.ts'
import { replayErasures } from './users/erase.ts'
import { version } from './version.ts'

export type Running = { ctx: Ctx; port: number; stop: () => Promise<void> }

/** Starts a server on an opened database and listens. Resolves once requests are answered. */
export const serve = async (config: Config, opened: Opened, logs: Logs): Promise<Running> => {
  const { db } = opened
  if (!opened.firstStart) await checkRootSecret(db, opened.rootSecret)
  const fresh = opened.firstStart
    ? new Map(config.signing_algs.map((alg) => [alg as string, generateKey(alg)]))
    : new Map()
  const applied = await migrate(db).catch(cannotMigrate)
  const ctx = createCtx({
    config,
    db,
    ...logs,
    version,
    rootSecret: opened.rootSecret,
    deploymentId: await readDeployment(db),
    grantTypes: grants.map((grant) => grant.grant_type),
    letters,
  })
  await Promise.all([
    rotateKeys(ctx, fresh),
    ctx.feed.pull(),
    ctx.places.refresh(),
    seed(ctx, { demo: config.profile === 'development' && applied.includes(firstMigration) }),
  ])
  await replayErasures(ctx)
  const app = buildServer(ctx, routesFor(config), authenticators)
  const closeUnused = watchUnused(app.server)
  await listen(app, config)
  const hear = await listenForChanges(ctx)
  const running = startJobs(ctx)
  const stop = async (): Promise<void> => {
    ctx.drain()
    const turns = running.map(async (job) => await job.stop())
    const closing = app.close()
    closeUnused()
    await Promise.race([closing, new Promise((resolve) => setTimeout(resolve, config.drain_seconds * 1000).unref())])
    await settle(ctx, hear, turns)
  }
  const address = app.server.address()
  return { ctx, port: typeof address === 'object' && address !== null ? address.port : config.port, stop }
}

/** The demo client is made with the database and never again: who deletes it means it. */
const firstMigration = 'foundation'

/**
 * Hears of changes at once. Only a hint: the jobs look again and again. Behind PgBouncer in transaction mode it would
 * bind a connection that the next transaction of anybody may get, so there the jobs are all.
 */
const listenForChanges = async (ctx: Ctx): Promise<{ unlisten: () => Promise<void> }[]> => {
  if (!ctx.config.database_prepare) return []
  try {
    return await Promise.all([
      ctx.db.listen('keywright_revocations', () => void ctx.feed.pull().catch(() => {})),
      ctx.db.listen(keysChannel, () => void loadKeys(ctx).catch(() => {})),
    ])
  } catch (error) {
    ctx.log.warn({ reason: error instanceof Error ? error.message : String(error) }, 'no notifications')
    return []
  }
}

/** Rights that are missing are for the operator to give; everything else is thrown on. */
const cannotMigrate = (error: unknown): never => {
  if (error instanceof StartError || !(error instanceof Error) || !('code' in error)) throw error
  if (!['42501', '3F000', '25006'].includes(String(error.code))) throw error
  throw new StartError(
    `The database role may not create the tables: ${error.message}. Make it the owner of the database, or grant it CREATE on the schema public.`,
  )
}

const listen = async (app: ReturnType<typeof buildServer>, config: Config): Promise<void> => {
  try {
    await app.listen({ port: config.port, host: config.host })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    if (code === 'EADDRINUSE')
      throw new StartError(`Port ${config.port} is in use. Stop what listens there, or choose another with PORT=…`)
    if (code === 'EACCES')
      throw new StartError(`This account may not listen on port ${config.port}. Choose a port above 1023 with PORT=…`)
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
      throw new StartError(`${config.host} is not an address of this machine. Set KEYWRIGHT_HOST.`)
    throw error
  }
}

/**
 * Watches connections on which nobody has asked anything yet, and returns what closes them: browsers open them ahead, Node
 * does not take them for idle, and each would hold the drain up to its limit.
 */
const watchUnused = (server: Server): (() => void) => {
  const unused = new Set<Socket>()
  let closed = false
  server.on('connection', (socket: Socket) => {
    if (closed) socket.destroy()
    else unused.add(socket)
    socket.once('close', () => unused.delete(socket))
  })
  server.on('request', (request: IncomingMessage) => unused.delete(request.socket))
  return () => {
    closed = true
    for (const socket of unused) socket.destroy()
  }
}

/** Writes what is still in memory; a database that is gone must not keep the process alive. */
const settle = async (
  ctx: Ctx,
  hear: { unlisten: () => Promise<void> }[],
  turns: readonly Promise<void>[],
): Promise<void> => {
  const last = [
    ...turns,
    ctx.decisions.flush(ctx.db),
    ctx.flood.flush(ctx.db, ctx.now(), true),
    ctx.tokenCounts.flush(ctx.db),
    removeNode(ctx.db, ctx.nodeId),
    ...hear.map(async (channel) => await channel.unlisten()),
  ]
  await Promise.race([Promise.allSettled(last), new Promise((resolve) => setTimeout(resolve, 2000).unref())])
  ctx.mailer?.close()
}
