/** Owns the import and the export of accounts over the API; larger files go through the command line (cli/user-transfer.ts). */
import { Readable } from 'node:stream'
import { z } from 'zod'
import { requireFresh } from '../access/freshness.ts'
import type { Ctx } from '../ctx.ts'
import { actedBy, record } from '../events/record.ts'
import { type ApiCall, apiRoute } from '../http/api-route.ts'
import { json, type Reply, stream } from '../http/reply.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { actorOf, mayGiveRoles } from './admin.ts'
import { readLines } from './csv.ts'
import { exportUsers } from './export.ts'
import { importUsers } from './import.ts'

const types = { jsonl: 'application/x-ndjson', csv: 'text/csv; charset=utf-8' } as const

const bringQuestion = z.strictObject({
  dry_run: z.enum(['true', 'false']).default('false').describe('true writes nothing'),
  existing: z.enum(['skip', 'refuse']).default('refuse').describe('what becomes of accounts that are there already'),
})

const bringIn = async (
  ctx: Ctx,
  { request, person, query }: ApiCall<unknown, z.infer<typeof bringQuestion>>,
): Promise<Reply | Denial> => {
  const stale = requireFresh(ctx, request, person)
  if (stale) return stale
  const format = request.header('content-type')?.startsWith('text/csv') ? 'csv' : 'jsonl'
  const known = new Map<string, Promise<Denial | undefined>>()
  try {
    const report = await importUsers(ctx, readLines(format, Readable.from([request.text ?? ''])), {
      dry_run: query.dry_run === 'true',
      existing: query.existing,
      mayGive: async (roles) => {
        const key = roles.join(' ')
        const answer = known.get(key) ?? mayGiveRoles(ctx, person, roles)
        known.set(key, answer)
        return await answer
      },
      by: actorOf(request, person),
    })
    return json(report)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && /^(CSV_|LINE_TOO_LONG$)/.test(String(error.code)))) throw error
    return deny('invalid_request', `The file is no ${format === 'csv' ? 'CSV' : 'file of JSON lines'}.`, {
      rule: 'the body can be read (RFC 4180, lines of at most 64 KiB)',
      got: error.message,
    })
  }
}

const takeQuestion = z.strictObject({ format: z.enum(['jsonl', 'csv']).default('jsonl') })

const takeOut = async (
  ctx: Ctx,
  { request, person, query: { format } }: ApiCall<unknown, z.infer<typeof takeQuestion>>,
): Promise<Reply | Denial> => {
  const stale = requireFresh(ctx, request, person)
  if (stale) return stale
  const told = actedBy(actorOf(request, person), { format })
  await record(ctx.db, { type: 'users.exported', now: request.now, ...told })
  const headers = { 'content-disposition': `attachment; filename="users.${format}"` }
  return stream(Readable.from(exportUsers(ctx, { format, hashes: false })), types[format], { headers })
}

const reportSchema = z
  .object({
    created: z.int(),
    skipped: z.int(),
    failed: z.int(),
    problems: z.array(z.object({ line: z.int(), code: z.string(), detail: z.string() })).describe('the first hundred'),
    dry_run: z.boolean(),
  })
  .meta({ id: 'ImportReport' })

export const transferRoutes = [
  apiRoute({
    method: 'POST',
    path: '/api/v1/users/import',
    tag: 'Accounts',
    may: 'users:write',
    accepts: 'lines',
    summary: 'Import accounts: JSON lines or CSV, at most 1 MiB',
    query: bringQuestion,
    body: z.string().meta({ examples: ['{"email":"alan@example.com","name":"Alan"}\n'] }),
    answers: { 200: reportSchema },
    handler: bringIn,
  }),
  apiRoute({
    method: 'GET',
    path: '/api/v1/users/export',
    tag: 'Accounts',
    may: 'users:read',
    summary: 'Export accounts without their secrets',
    query: takeQuestion,
    answers: { 200: 'lines' },
    handler: takeOut,
  }),
]
