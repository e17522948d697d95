/** Owns the addresses of permissions below /api/v1; each is one operation of permission-admin.ts. Start reading at `permissionsApiRoutes`. */
import { z } from 'zod'
import type { Ctx } from '../ctx.ts'
import { type ApiCall, apiRoute, pageQuery } from '../http/api-route.ts'
import { tagged } from '../http/etag.ts'
import { listPage } from '../http/listing.ts'
import type { Route } from '../http/route.ts'
import { isDenial } from '../protocol/errors.ts'
import { changed, done, freshly, made, matching } from './answers.ts'
import {
  changePermission,
  createPermission,
  deletePermission,
  listPermissions,
  type Permission,
  permissionOf,
} from './permission-admin.ts'
import { permissionListSchema, permissionSchema, permissionView } from './views.ts'

const path = '/api/v1/permissions'
const one = `${path}/:id`
const tag = 'Permissions'

const description = z.string().max(1000).nullable()
const creation = z.strictObject({
  name: z
    .string()
    .max(101)
    .meta({ examples: ['reports:read'] })
    .optional()
    .describe('resource:action, in place of both'),
  resource: z.string().max(50).optional(),
  action: z.string().max(50).optional(),
  description: description.optional(),
  resource_server_id: z.uuid().nullable().optional(),
})
const change = z.strictObject({ description })
const question = pageQuery.extend({
  q: z.string().max(101).optional().describe('stands somewhere in the name'),
  resource_server_id: z.uuid().optional(),
})

const list = async (ctx: Ctx, { request, query }: ApiCall<unknown, z.infer<typeof question>>) =>
  await listPage(ctx, request, {
    path,
    place: { list: 'permissions', question: [query.q ?? '', query.resource_server_id ?? ''] },
    query,
    member: 'permissions',
    load: async (page) => await listPermissions(ctx.db, { ...query, ...page }),
    positionOf: ({ created_at: at, id }) => ({ at, id }),
    view: permissionView,
  })

const create = freshly<z.infer<typeof creation>, unknown>(async (ctx, { body, doer }) => {
  const permission = await createPermission(ctx, body, doer)
  return made(ctx, path, isDenial(permission) ? permission : permissionView(permission))
})

const read = async (ctx: Ctx, { request, params }: ApiCall<unknown, unknown>) => {
  const permission = await permissionOf(ctx.db, params['id'] ?? '')
  return isDenial(permission) ? permission : tagged(request, permissionView(permission))
}

const update = freshly<z.infer<typeof change>, unknown>(async (ctx, { request, body, doer, id }) => {
  const check = matching<Permission>(request, permissionView)
  const permission = await changePermission(ctx, { id, ...body, check }, doer)
  return changed(isDenial(permission) ? permission : permissionView(permission))
})

const remove = freshly(async (ctx, { request, doer, id }) =>
  done(await deletePermission(ctx, { id, check: matching<Permission>(request, permissionView) }, doer)),
)

export const permissionsApiRoutes: Route[] = [
  apiRoute({
    method: 'GET',
    path,
    tag,
    may: 'permissions:read',
    summary: 'List permissions, oldest first',
    query: question,
    answers: { 200: permissionListSchema },
    handler: list,
  }),
  apiRoute({
    method: 'POST',
    path,
    tag,
    may: 'permissions:write',
    summary: 'Create a permission; the role admin holds it at once',
    body: creation,
    creates: true,
    answers: { 201: permissionSchema },
    refuses: [409, 422],
    handler: create,
  }),
  apiRoute({
    method: 'GET',
    path: one,
    tag,
    may: 'permissions:read',
    summary: 'Read a permission',
    answers: { 200: permissionSchema },
    refuses: [404],
    handler: read,
  }),
  apiRoute({
    method: 'PATCH',
    path: one,
    tag,
    may: 'permissions:write',
    summary: 'Describe a permission anew; its name stays',
    body: change,
    answers: { 200: permissionSchema },
    refuses: [404, 412],
    handler: update,
  }),
  apiRoute({
    method: 'DELETE',
    path: one,
    tag,
    may: 'permissions:write',
    summary: 'Delete a permission; no role holds it any more',
    answers: { 204: 'empty' },
    refuses: [404, 409, 412],
    handler: remove,
  }),
]
