/** Owns the page of a person's data: a copy to take along, and the way out; and the API of the copy. */
import { z } from 'zod'
import { requireFresh } from '../access/freshness.ts'
import type { Ctx } from '../ctx.ts'
import { type ApiCall, apiRoute, instant } from '../http/api-route.ts'
import { refuse } from '../http/errors.ts'
import { pathOf } from '../http/paths.ts'
import { bytes, json, page, type Reply, redirectLocal, secretAddress } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import type { PageData } from '../pages/data.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { type ExportState, newestExport, peekExportLink, requestExport, takeById, takeByLink } from './export.ts'
import { accountFrame, fresh, type Own, ownForm, signedIn, withCookies } from './frame.ts'

const path = '/account/data'
const downloadPath = '/account/data/download'

type State = NonNullable<PageData['account-data']['copy']>['state']

/** What became of a copy. */
const stateOf = ({ ready_at, downloaded_at, expires_at }: ExportState, now: Date): State => {
  if (downloaded_at !== null) return 'downloaded'
  if (expires_at <= now) return 'expired'
  return ready_at === null ? 'pending' : 'ready'
}

const show = async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> =>
  await dataPage(ctx, request, own, undefined)

const dataPage = async (ctx: Ctx, request: HttpRequest, own: Own, denial: Denial | undefined): Promise<Reply> => {
  const newest = await newestExport(ctx, own.session.user_id)
  const data: PageData['account-data'] = {
    ...accountFrame(ctx, request, own, 'data'),
    request: pathOf(ctx, path),
    download: pathOf(ctx, downloadPath),
    ...(newest && {
      copy: {
        id: newest.id,
        state: stateOf(newest, request.now),
        requested_at: newest.requested_at,
        expires_at: newest.expires_at,
      },
    }),
    ...(denial?.retry_after_seconds !== undefined && { wait_seconds: denial.retry_after_seconds }),
    delete_href: pathOf(ctx, '/account/delete'),
    days: ctx.config.erasure_days,
  }
  return page('account-data', data, denial?.status ?? 200, withCookies(own))
}

const ask = async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> => {
  const asked = await requestExport(ctx, request, own.session.user_id)
  if (!isDenial(asked)) return redirectLocal(`${path}?done=export_requested`)
  ctx.decisions.record(asked, { route: path, request_id: request.request_id, now: request.now })
  return await dataPage(ctx, request, own, asked)
}

/** RC-1: opening the link takes nothing out. */
const showDownload = async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> => {
  const token = param(request.query, 'token') ?? ''
  const there = await peekExportLink(ctx, { token, user_id: own.session.user_id, now: request.now })
  if (!there) return redirectLocal(path)
  const data = { ...accountFrame(ctx, request, own, 'data'), download: pathOf(ctx, downloadPath), token }
  return page('account-download', data, 200, { ...withCookies(own), headers: secretAddress })
}

/** By the link of the letter, which proves the mailbox; or by its id, after a fresh proof. */
const download = async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> => {
  const { user_id } = own.session
  const token = param(request.form, 'token')
  if (token !== undefined) return answer(ctx, request, await takeByLink(ctx, request, { token, user_id }))
  const id = param(request.form, 'id') ?? ''
  const take = fresh(path, async (_ctx, _request, _own) =>
    answer(ctx, request, await takeById(ctx, request, { id, user_id })),
  )
  return await take(ctx, request, own)
}

const answer = (ctx: Ctx, request: HttpRequest, taken: string | Denial): Reply =>
  isDenial(taken) ? refuse(ctx, taken, 'page', { route: downloadPath, request }) : file(request, taken)

const file = ({ now }: HttpRequest, content: string): Reply =>
  bytes(content, 'application/json', {
    headers: {
      'content-disposition': `attachment; filename="my-data-${now.toISOString().slice(0, 10)}.json"`,
      'x-content-type-options': 'nosniff',
    },
  })

const me = '/api/v1/users/me/export'

const facts = (copy: ExportState, now: Date) => ({
  id: copy.id,
  status: stateOf(copy, now),
  requested_at: copy.requested_at.toISOString(),
  ready_at: copy.ready_at?.toISOString() ?? null,
  expires_at: copy.expires_at.toISOString(),
})

/** 202: a job makes it (RFC 9110 §15.3.3). */
const askByApi = async (ctx: Ctx, { request, person }: ApiCall<unknown, unknown>): Promise<Reply | Denial> => {
  const asked = requireFresh(ctx, request, person) ?? (await requestExport(ctx, request, person.subject.id))
  if (isDenial(asked)) return asked
  return json(facts(asked, request.now), 202, { headers: { location: `${ctx.config.issuer}${me}` } })
}

const readState = async (
  ctx: Ctx,
  { request, person: { subject } }: ApiCall<unknown, unknown>,
): Promise<Reply | Denial> => {
  const newest = await newestExport(ctx, subject.id)
  return newest === undefined ? none : json(facts(newest, request.now))
}

const none: Denial = deny('not_found', 'There is nothing at this address.', {
  rule: 'a copy was asked for',
  expected: 'POST first',
  got: 'no copy',
})

const downloadByApi = async (ctx: Ctx, { request, person }: ApiCall<unknown, unknown>): Promise<Reply | Denial> => {
  const id = request.pathParams['id'] ?? ''
  const unproved = requireFresh(ctx, request, person)
  if (unproved) return unproved
  const taken = await takeById(ctx, request, { id, user_id: person.subject.id })
  return isDenial(taken) ? taken : file(request, taken)
}

const own = { auth: 'browser', errors: 'page' } as const

const copySchema = z
  .object({
    id: z.uuid(),
    status: z.enum(['pending', 'ready', 'downloaded', 'expired']),
    requested_at: instant,
    ready_at: instant.nullable(),
    expires_at: instant,
  })
  .meta({ id: 'DataExport' })
const api = { tag: 'One’s own account', may: 'self' } as const

export const dataRoutes = [
  route({ ...own, method: 'GET', path, summary: "One's own data", handler: signedIn(path, show) }),
  route({
    ...own,
    method: 'POST',
    path,
    accepts: 'form',
    summary: "Ask for a copy of one's own data",
    handler: ownForm(path, fresh(path, ask)),
  }),
  route({
    ...own,
    method: 'GET',
    path: downloadPath,
    summary: 'Where the link of a letter leads to the copy',
    handler: signedIn(path, showDownload),
  }),
  route({
    ...own,
    method: 'POST',
    path: downloadPath,
    accepts: 'form',
    summary: "Take out the copy of one's own data, once",
    handler: ownForm(path, download),
  }),
  apiRoute({
    ...api,
    method: 'POST',
    path: me,
    summary: "Ask for a copy of one's own data",
    answers: { 202: copySchema },
    refuses: [404],
    handler: askByApi,
  }),
  apiRoute({
    ...api,
    method: 'GET',
    path: me,
    summary: 'What became of the copy',
    answers: { 200: copySchema },
    refuses: [404],
    handler: readState,
  }),
  apiRoute({
    ...api,
    method: 'POST',
    path: `${me}/:id/download`,
    summary: 'Take out the copy, once',
    answers: { 200: z.record(z.string(), z.unknown()) },
    handler: downloadByApi,
  }),
]
