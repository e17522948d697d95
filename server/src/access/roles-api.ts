/** Owns the addresses of roles below /api/v1; each is one operation of role-admin.ts. Start reading at `rolesApiRoutes`. */
import { z } from 'zod'
import { type ApiCall, apiRoute, pageQuery } from '../http/api-route.ts'
import { tagged } from '../http/etag.ts'
import { listPage } from '../http/listing.ts'
import type { Route } from '../http/route.ts'
import type { Ctx } from '../ctx.ts'
import { isDenial } from '../protocol/errors.ts'
import { changed, done, freshly, made, matching } from './answers.ts'
import { changeRole, composeRole, createRole, deleteRole, listRoles, type Role, roleOf } from './role-admin.ts'
import { acr, roleListSchema, roleSchema, roleView } from './views.ts'

const path = '/api/v1/roles'
const tag = 'Roles'

const members = {
  description: z.string().max(1000).nullable().optional(),
  acr: acr.optional(),
  permission_ids: z.array(z.uuid()).max(500).optional().describe('all that it holds'),
}
const named = z
  .string()
  .max(100)
  .meta({ examples: ['auditor'] })
const creation = z.strictObject({ name: named, ...members })
const change = z.strictObject({ name: named.optional(), ...members })
const question = pageQuery.extend({ q: z.string().max(100).optional().describe('stands somewhere in the name') })

const list = async (ctx: Ctx, { request, query }: ApiCall<unknown, z.infer<typeof question>>) =>
  await listPage(ctx, request, {
    path,
    place: { list: 'roles', question: [query.q ?? ''] },
    query,
    member: 'roles',
    load: async (page) => await listRoles(ctx.db, { ...page, q: query.q }),
    positionOf: ({ created_at: at, id }) => ({ at, id }),
    view: roleView,
  })

const create = freshly<z.infer<typeof creation>, unknown>(async (ctx, { body, doer }) => {
  const role = await createRole(ctx, body, doer)
  return made(ctx, path, isDenial(role) ? role : roleView(role))
})

const read = async (ctx: Ctx, { request, params }: ApiCall<unknown, unknown>) => {
  const role = await roleOf(ctx.db, params['id'] ?? '')
  return isDenial(role) ? role : tagged(request, roleView(role))
}

const update = freshly<z.infer<typeof change>, unknown>(async (ctx, { request, body, doer, id }) => {
  const role = await changeRole(ctx, { id, wish: body, check: matching<Role>(request, roleView) }, doer)
  return changed(isDenial(role) ? role : roleView(role))
})

const remove = freshly(async (ctx, { request, doer, id }) =>
  done(await deleteRole(ctx, { id, check: matching<Role>(request, roleView) }, doer)),
)

const compose = (adds: boolean) =>
  freshly(async (ctx, { doer, id, params }) => {
    const role = await composeRole(ctx, { id, permission_id: params['permission_id'] ?? '', adds }, doer)
    return changed(isDenial(role) ? role : roleView(role))
  })

const one = `${path}/:id`
const composition = {
  tag,
  path: `${one}/permissions/:permission_id`,
  may: 'roles:write',
  answers: { 200: roleSchema },
  refuses: [404, 409],
} as const

export const rolesApiRoutes: Route[] = [
  apiRoute({
    method: 'GET',
    path,
    tag,
    may: 'roles:read',
    summary: 'List roles, oldest first',
    query: question,
    answers: { 200: roleListSchema },
    handler: list,
  }),
  apiRoute({
    method: 'POST',
    path,
    tag,
    may: 'roles:write',
    summary: 'Create a role',
    body: creation,
    creates: true,
    answers: { 201: roleSchema },
    refuses: [409, 422],
    handler: create,
  }),
  apiRoute({
    method: 'GET',
    path: one,
    tag,
    may: 'roles:read',
    summary: 'Read a role',
    answers: { 200: roleSchema },
    refuses: [404],
    handler: read,
  }),
  apiRoute({
    method: 'PATCH',
    path: one,
    tag,
    may: 'roles:write',
    summary: 'Change a role; permission_ids replace all that it holds',
    body: change,
    answers: { 200: roleSchema },
    refuses: [404, 409, 412, 422],
    handler: update,
  }),
  apiRoute({
    method: 'DELETE',
    path: one,
    tag,
    may: 'roles:write',
    summary: 'Delete a role; nobody holds it any more',
    answers: { 204: 'empty' },
    refuses: [404, 409, 412],
    handler: remove,
  }),
  apiRoute({ ...composition, method: 'POST', summary: 'Let a role hold a permission', handler: compose(true) }),
  apiRoute({ ...composition, method: 'DELETE', summary: 'Take a permission out of a role', handler: compose(false) }),
]
