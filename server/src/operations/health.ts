/**
 * Owns health: is the process alive, can it answer, and, for who holds the management token, what is wrong. Probes get
 * no detail (security rule G-8).
 */
import { statfs } from 'node:fs/promises'
import { hash } from 'node:crypto'
import { z } from 'zod'
import { mailWay } from '../config/ways.ts'
import type { Ctx } from '../ctx.ts'
import { instant } from '../http/api-route.ts'
import { json, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import { sameBytes } from '../io/secrets.ts'
import { overdueLetters } from '../outbox/state.ts'
import { freshMs } from '../sessions/revocation.ts'

type Check = { status: 'healthy' | 'degraded' | 'unhealthy'; detail?: string }

const live = (ctx: Ctx, request: HttpRequest): Reply =>
  json({ status: 'healthy', timestamp: request.now.toISOString(), version: ctx.version })

/** Ready means: the database answers, there are keys, the feed is fresh, the clock is right, and the process is not draining. */
const ready = async (ctx: Ctx, request: HttpRequest): Promise<Reply> => {
  const checks = await runChecks(ctx)
  const status = worst(checks)
  const body = {
    status,
    timestamp: request.now.toISOString(),
    version: ctx.version,
    ...(mayLook(ctx, request) && { checks }),
  }
  return json(
    body,
    status === 'unhealthy' ? 503 : 200,
    status === 'unhealthy' ? { headers: { 'retry-after': '1' } } : {},
  )
}

const runChecks = async (ctx: Ctx): Promise<Record<string, Check>> => {
  const database = await checkDatabase(ctx)
  return { database, ...(await furtherChecks(ctx)), mail: await checkMail(ctx, database) }
}

const furtherChecks = async (ctx: Ctx): Promise<Record<string, Check>> => ({
  keys: ctx.signer.algs().length > 0 ? { status: 'healthy' } : { status: 'unhealthy', detail: 'no active signing key' },
  feed:
    ctx.feed.ageMs() <= freshMs
      ? { status: 'healthy' }
      : { status: 'unhealthy', detail: 'the revocation feed is older than two seconds' },
  clock: checkClock(ctx.feed.skewMs()),
  drain: ctx.draining() ? { status: 'unhealthy', detail: 'stopping' } : { status: 'healthy' },
  memory: { status: 'healthy', detail: `${Math.round(process.memoryUsage.rss() / 1_048_576)} MB` },
  disk: await checkDisk(ctx),
})

const checkDatabase = async (ctx: Ctx): Promise<Check> => {
  const timeout = new Promise<never>((_resolve, reject) =>
    setTimeout(() => reject(new Error('no answer within a second')), 1000).unref(),
  )
  try {
    await Promise.race([ctx.db`select 1`, timeout])
    return { status: 'healthy' }
  } catch (error) {
    return { status: 'unhealthy', detail: error instanceof Error ? error.message : 'no answer' }
  }
}

/** Security design 2.2: without mail everything else goes on. Nobody is called for this: what waits in the outbox tells. */
const checkMail = async (ctx: Ctx, database: Check): Promise<Check> => {
  const way = mailWay(ctx.config)
  if (database.status === 'unhealthy') return { status: 'degraded', detail: 'see database' }
  const { count, last_error } = await overdueLetters(ctx)
  if (count === 0) return { status: 'healthy', detail: way }
  const why = last_error === null ? '' : `: ${last_error}`
  return { status: 'degraded', detail: `${way}; ${count} ${count === 1 ? 'letter waits' : 'letters wait'}${why}` }
}

const checkClock = (skewMs: number): Check => {
  const seconds = Math.round(Math.abs(skewMs) / 100) / 10
  if (seconds <= 1) return { status: 'healthy' }
  return { status: seconds > 5 ? 'unhealthy' : 'degraded', detail: `${seconds} s away from the clock of the database` }
}

const checkDisk = async (ctx: Ctx): Promise<Check> => {
  try {
    const { bavail, bsize } = await statfs(ctx.config.data_dir)
    const megabytes = Math.round((bavail * bsize) / 1_048_576)
    return { status: megabytes < 200 ? 'degraded' : 'healthy', detail: `${megabytes} MB free` }
  } catch {
    return { status: 'degraded', detail: 'the data folder cannot be read' }
  }
}

const worst = (checks: Record<string, Check>): Check['status'] => {
  const all = Object.values(checks).map((check) => check.status)
  if (all.includes('unhealthy')) return 'unhealthy'
  return all.includes('degraded') ? 'degraded' : 'healthy'
}

const mayLook = (ctx: Ctx, request: HttpRequest): boolean => {
  const token = ctx.config.management_token
  const sent = /^bearer +(\S+)$/i.exec(request.header('authorization') ?? '')?.[1]
  if (token === undefined || sent === undefined) return false
  return sameBytes(hash('sha256', sent, 'buffer'), hash('sha256', token, 'buffer'))
}

const status = z.enum(['healthy', 'degraded', 'unhealthy'])
const healthSchema = z
  .object({
    status,
    timestamp: instant,
    version: z.string(),
    checks: z
      .record(z.string(), z.object({ status, detail: z.string().optional() }))
      .optional()
      .describe('for who holds the management token'),
  })
  .meta({ id: 'Health' })
const api = { tag: 'Health', answers: { 200: healthSchema, 503: healthSchema } }

export const healthRoutes = [
  route({
    method: 'GET',
    path: '/health',
    auth: 'none',
    errors: 'problem',
    limit: 'none',
    api,
    summary: 'Health, with checks for who holds the management token',
    handler: ready,
  }),
  route({
    method: 'GET',
    path: '/health/ready',
    auth: 'none',
    errors: 'problem',
    limit: 'none',
    api,
    summary: 'Can this node take requests?',
    handler: ready,
  }),
  route({
    method: 'GET',
    path: '/health/live',
    auth: 'none',
    errors: 'problem',
    limit: 'none',
    api,
    summary: 'Is this process alive?',
    handler: live,
  }),
]
