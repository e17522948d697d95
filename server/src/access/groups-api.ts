/**
 * Owns the addresses of groups below /api/v1: each is one operation of groups.ts or assign.ts. Start reading at
 * `groupsApiRoutes`.
 */
import { z } from 'zod'
import type { Ctx } from '../ctx.ts'
import { type ApiCall, apiRoute, pageQuery } from '../http/api-route.ts'
import { tagged } from '../http/etag.ts'
import type { Route } from '../http/route.ts'
import { isDenial } from '../protocol/errors.ts'
import { listPage } from '../http/listing.ts'
import { changed, done, freshly, made, matching } from './answers.ts'
import { changeMembership, listMembers } from './assign.ts'
import { changeGroup, changeGroupRole, createGroup, deleteGroup, type Group, groupOf, listGroups } from './groups.ts'
import { groupListSchema, groupSchema, groupView, memberListSchema, memberView } from './views.ts'

const path = '/api/v1/groups'
const one = `${path}/:id`
const tag = 'Groups'

const members = {
  description: z.string().max(1000).nullable().optional(),
  parent_id: z.uuid().nullable().optional().describe('null: at the top'),
}
const named = z
  .string()
  .max(100)
  .meta({ examples: ['Engineering'] })
const creation = z.strictObject({ name: named, ...members })
const change = z.strictObject({ name: named.optional(), ...members })
const question = pageQuery.extend({
  q: z.string().max(100).optional().describe('stands somewhere in the name'),
  parent_id: z.uuid().optional().describe('the group right above'),
})

const list = async (ctx: Ctx, { request, query }: ApiCall<unknown, z.infer<typeof question>>) =>
  await listPage(ctx, request, {
    path,
    place: { list: 'groups', question: [query.q ?? '', query.parent_id ?? ''] },
    query,
    member: 'groups',
    load: async (page) => await listGroups(ctx.db, { ...query, ...page }),
    positionOf: ({ created_at: at, id }) => ({ at, id }),
    view: groupView,
  })

const create = freshly<z.infer<typeof creation>, unknown>(async (ctx, { body, doer }) => {
  const group = await createGroup(ctx, body, doer)
  return made(ctx, path, isDenial(group) ? group : groupView(group))
})

const read = async (ctx: Ctx, { request, params }: ApiCall<unknown, unknown>) => {
  const group = await groupOf(ctx.db, params['id'] ?? '')
  return isDenial(group) ? group : tagged(request, groupView(group))
}

const update = freshly<z.infer<typeof change>, unknown>(async (ctx, { request, body, doer, id }) => {
  const group = await changeGroup(ctx, { id, wish: body, check: matching<Group>(request, groupView) }, doer)
  return changed(isDenial(group) ? group : groupView(group))
})

const remove = freshly(async (ctx, { request, doer, id }) =>
  done(await deleteGroup(ctx, { id, check: matching<Group>(request, groupView) }, doer)),
)

/** In the order of ids: the instant of a position means nothing here. */
const listThose = async (ctx: Ctx, { request, query, params }: ApiCall<unknown, z.infer<typeof pageQuery>>) => {
  const id = params['id'] ?? ''
  const group = await groupOf(ctx.db, id)
  if (isDenial(group)) return group
  return await listPage(ctx, request, {
    path: `${path}/${id}/members`,
    place: { list: 'group members', question: [id] },
    query,
    member: 'members',
    load: async ({ limit, after }) => await listMembers(ctx.db, id, { limit, after: after?.id }),
    positionOf: (member) => ({ at: member.added_at, id: member.id }),
    view: memberView,
  })
}

const member = (joins: boolean) =>
  freshly(async (ctx, { doer, id, params }) =>
    done(await changeMembership(ctx, { user_id: params['user_id'] ?? '', group_id: id, joins }, doer)),
  )

const role = (gives: boolean) =>
  freshly(async (ctx, { doer, id, params }) =>
    done(await changeGroupRole(ctx, { id, role_id: params['role_id'] ?? '', gives }, doer)),
  )

const assignment = { tag, may: 'roles:assign', answers: { 204: 'empty' }, refuses: [404, 409] } as const
const memberPath = `${one}/members/:user_id`
const rolePath = `${one}/roles/:role_id`

export const groupsApiRoutes: Route[] = [
  apiRoute({
    method: 'GET',
    path,
    tag,
    may: 'groups:read',
    summary: 'List groups, oldest first',
    query: question,
    answers: { 200: groupListSchema },
    handler: list,
  }),
  apiRoute({
    method: 'POST',
    path,
    tag,
    may: 'groups:write',
    summary: 'Create a group',
    body: creation,
    creates: true,
    answers: { 201: groupSchema },
    refuses: [409, 422],
    handler: create,
  }),
  apiRoute({
    method: 'GET',
    path: one,
    tag,
    may: 'groups:read',
    summary: 'Read a group',
    answers: { 200: groupSchema },
    refuses: [404],
    handler: read,
  }),
  apiRoute({
    method: 'PATCH',
    path: one,
    tag,
    may: 'groups:write',
    summary: 'Change a group, or put it under another one',
    body: change,
    answers: { 200: groupSchema },
    refuses: [404, 409, 412, 422],
    handler: update,
  }),
  apiRoute({
    method: 'DELETE',
    path: one,
    tag,
    may: 'groups:write',
    summary: 'Delete a group that has none below it',
    answers: { 204: 'empty' },
    refuses: [404, 409, 412],
    handler: remove,
  }),
  apiRoute({
    method: 'GET',
    path: `${one}/members`,
    tag,
    may: 'groups:read',
    summary: 'List who is in a group itself',
    query: pageQuery,
    answers: { 200: memberListSchema },
    refuses: [404],
    handler: listThose,
  }),
  apiRoute({
    ...assignment,
    method: 'POST',
    path: memberPath,
    summary: 'Put somebody into a group',
    handler: member(true),
  }),
  apiRoute({
    ...assignment,
    method: 'DELETE',
    path: memberPath,
    summary: 'Take somebody out of a group',
    handler: member(false),
  }),
  apiRoute({ ...assignment, method: 'POST', path: rolePath, summary: 'Give a group a role', handler: role(true) }),
  apiRoute({
    ...assignment,
    method: 'DELETE',
    path: rolePath,
    summary: 'Take a role from a group',
    handler: role(false),
  }),
]
