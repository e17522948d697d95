/**
 * Owns the addresses of APIs (resource servers) below /api/v1. Who holds resources:write registers them; their owners look
 * after them. Start reading at `apiRoutes`.
 */
import type { z } from 'zod'
import { doerOf } from '../access/change.ts'
import type { Ctx } from '../ctx.ts'
import { type ApiCall, apiRoute, pageQuery } from '../http/api-route.ts'
import { checkMatch, etagOf, tagged } from '../http/etag.ts'
import { listPage } from '../http/listing.ts'
import { empty, json, type Reply } from '../http/reply.ts'
import { isUuid } from '../io/ids.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import type { Route } from '../http/route.ts'
import {
  type Acting,
  addPermissionTo,
  changeApi,
  createApi,
  listApis,
  noSuchApi,
  removeApi,
  removePermissionFrom,
} from './manage.ts'
import { type ApiValues, type ApiWithPermissions, loadApi, personExists } from './store.ts'
import {
  type ApiChange,
  apiChange,
  type ApiCreation,
  apiCreation,
  apiListSchema,
  apiSchema,
  apiView,
  permissionBody,
} from './view.ts'

const path = '/api/v1/resources'
const one = `${path}/:id`
const tag = 'APIs'

const list = async (ctx: Ctx, { request, person, query }: ApiCall<unknown, z.infer<typeof pageQuery>>) => {
  const owner_id = person.holds ? undefined : person.subject.id
  return await listPage(ctx, request, {
    path,
    place: { list: 'resources', question: [owner_id ?? ''] },
    query,
    member: 'resources',
    load: async (page) => await listApis(ctx.db, owner_id, page),
    positionOf: ({ created_at, id }) => ({ at: created_at, id }),
    view: (row) => apiView(ctx, row),
  })
}

/** Members that were left out are not there: what is not named keeps its value. */
const named = (body: ApiChange): Partial<ApiValues> =>
  Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined))

const create = async (ctx: Ctx, { request, person, body }: ApiCall<ApiCreation, unknown>): Promise<Reply | Denial> => {
  const owner_id = (await personExists(ctx.db, person.subject.id)) ? person.subject.id : null
  const { identifier, name, permissions, ...rest } = body
  const wish = { owner_id, ...named(rest), identifier, name, permissions }
  return shown(ctx, await createApi(ctx, wish, doerOf(request, person)), 201)
}

const shown = (ctx: Ctx, row: ApiWithPermissions | Denial, status: 200 | 201): Reply | Denial => {
  if (isDenial(row)) return row
  const view = apiView(ctx, row)
  const location = `${ctx.config.issuer}${path}/${row.id}`
  return json(view, status, { headers: { etag: etagOf(view), ...(status === 201 && { location }) } })
}

const read = async (ctx: Ctx, { request, person, params }: ApiCall<unknown, unknown>): Promise<Reply | Denial> => {
  const { id = '' } = params
  const api = isUuid(id) ? await loadApi(ctx.db, id) : undefined
  if (api === undefined || !(person.holds || api.owner_id === person.subject.id)) return noSuchApi
  return tagged(request, apiView(ctx, api))
}

const actingOf = (ctx: Ctx, { request, person }: ApiCall<unknown, unknown>): Acting => ({
  person,
  doer: doerOf(request, person),
  check: (api) => checkMatch(request, apiView(ctx, api)),
})

const change = async (ctx: Ctx, call: ApiCall<ApiChange, unknown>): Promise<Reply | Denial> =>
  shown(ctx, await changeApi(ctx, call.params['id'] ?? '', named(call.body), actingOf(ctx, call)), 200)

const writes = { tag, may: 'resources:write', orOwner: true, answers: { 200: apiSchema }, refuses: [404, 412] } as const

export const apiRoutes: Route[] = [
  apiRoute({
    method: 'GET',
    path,
    tag,
    may: 'resources:read',
    orOwner: true,
    summary: 'List APIs with their permissions: all, or one’s own',
    query: pageQuery,
    answers: { 200: apiListSchema },
    handler: list,
  }),
  apiRoute({
    method: 'POST',
    path,
    tag,
    may: 'resources:write',
    summary: 'Register an API, with permissions',
    body: apiCreation,
    answers: { 201: apiSchema },
    refuses: [409, 422],
    creates: true,
    handler: create,
  }),
  apiRoute({
    method: 'GET',
    path: one,
    tag,
    may: 'resources:read',
    orOwner: true,
    summary: 'Read an API with its permissions',
    answers: { 200: apiSchema },
    refuses: [404],
    handler: read,
  }),
  apiRoute({
    ...writes,
    method: 'PATCH',
    path: one,
    summary: 'Change an API: what is left out stays, null takes a value back',
    body: apiChange,
    refuses: [404, 409, 412, 422],
    handler: change,
  }),
  apiRoute({
    ...writes,
    method: 'DELETE',
    path: one,
    summary: 'Delete an API with its permissions',
    answers: { 204: 'empty' },
    refuses: [404, 409, 412],
    handler: async (ctx, call) => (await removeApi(ctx, call.params['id'] ?? '', actingOf(ctx, call))) ?? empty(204),
  }),
  apiRoute({
    ...writes,
    method: 'POST',
    path: `${one}/permissions`,
    summary: 'Make a permission of an API',
    body: permissionBody,
    answers: { 201: apiSchema },
    refuses: [404, 409, 412, 422],
    creates: true,
    handler: async (ctx, call) =>
      shown(ctx, await addPermissionTo(ctx, call.params['id'] ?? '', call.body, actingOf(ctx, call)), 201),
  }),
  apiRoute({
    ...writes,
    method: 'DELETE',
    path: `${one}/permissions/:permission_id`,
    summary: 'Delete a permission of an API',
    answers: { 204: 'empty' },
    refuses: [404, 409, 412],
    handler: async (ctx, call) => {
      const { id = '', permission_id = '' } = call.params
      return (await removePermissionFrom(ctx, { id, permission_id }, actingOf(ctx, call))) ?? empty(204)
    },
  }),
]
