/** Owns the import and the export of accounts over the API; larger files go through the command line (cli/user-transfer.ts). */
import { Readable } from 'node:stream'
import { requireFresh } from '../access/freshness.ts'
import type { Ctx } from '../ctx.ts'
import { actedBy, record } from '../events/record.ts'
import { personRoute } from '../http/person-route.ts'
import type { PersonPrincipal } from '../http/principal.ts'
import { json, type Reply, stream } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { actorOf, mayGiveRoles } from './admin.ts'
import { readLines } from './csv.ts'
import { exportUsers } from './export.ts'
import { importUsers } from './import.ts'

const types = { jsonl: 'application/x-ndjson', csv: 'text/csv; charset=utf-8' } as const

const bringIn = async (ctx: Ctx, request: HttpRequest, person: PersonPrincipal): Promise<Reply | Denial> => {
  const stale = requireFresh(ctx, request, person)
  if (stale) return stale
  const format = request.header('content-type')?.startsWith('text/csv') ? 'csv' : 'jsonl'
  const known = new Map<string, Promise<Denial | undefined>>()
  try {
    const report = await importUsers(ctx, readLines(format, Readable.from([request.text ?? ''])), {
      dry_run: param(request.query, 'dry_run') === 'true',
      existing: param(request.query, 'existing') === 'skip' ? 'skip' : 'refuse',
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

const takeOut = async (ctx: Ctx, request: HttpRequest, person: PersonPrincipal): Promise<Reply | Denial> => {
  const stale = requireFresh(ctx, request, person)
  if (stale) return stale
  const format = param(request.query, 'format') === 'csv' ? 'csv' : 'jsonl'
  const told = actedBy(actorOf(request, person), { format })
  await record(ctx.db, { type: 'users.exported', now: request.now, ...told })
  const headers = { 'content-disposition': `attachment; filename="users.${format}"` }
  return stream(Readable.from(exportUsers(ctx, { format, hashes: false })), types[format], { headers })
}

export const transferRoutes = [
  personRoute({
    method: 'POST',
    path: '/api/v1/users/import',
    may: 'users:write',
    accepts: 'lines',
    summary:
      'Import accounts: JSON lines or CSV, at most 1 MiB; dry_run=true writes nothing, existing=skip passes over',
    handler: bringIn,
  }),
  personRoute({
    method: 'GET',
    path: '/api/v1/users/export',
    may: 'users:read',
    summary: 'Export accounts without their secrets: format=jsonl or csv',
    handler: takeOut,
  }),
]
