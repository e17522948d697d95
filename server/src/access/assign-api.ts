/** Owns the addresses below /api/v1/users at which one account's roles and groups are seen and changed. Start reading at `assignApiRoutes`. */
import type { z } from 'zod'
import type { Ctx } from '../ctx.ts'
import { type ApiCall, apiRoute, pageQuery } from '../http/api-route.ts'
import { listPage } from '../http/listing.ts'
import { json } from '../http/reply.ts'
import type { Route } from '../http/route.ts'
import { isDenial } from '../protocol/errors.ts'
import { done, freshly } from './answers.ts'
import { assignRole, holderOf, listHeldRoles, listMemberships } from './assign.ts'
import { heldRoleListSchema, heldRoleView, membershipListSchema, membershipView } from './views.ts'

const path = '/api/v1/users'
const one = `${path}/:id`
const tag = 'Accounts'

const roles = async (ctx: Ctx, { params }: ApiCall<unknown, unknown>) => {
  const holder = await holderOf(ctx.db, params['id'] ?? '')
  return isDenial(holder) ? holder : json({ roles: (await listHeldRoles(ctx.db, holder.id)).map(heldRoleView) })
}

const groups = async (ctx: Ctx, { request, query, params }: ApiCall<unknown, z.infer<typeof pageQuery>>) => {
  const holder = await holderOf(ctx.db, params['id'] ?? '')
  if (isDenial(holder)) return holder
  const { id } = holder
  return await listPage(ctx, request, {
    path: `${path}/${encodeURIComponent(id)}/groups`,
    place: { list: 'memberships', question: [id] },
    query,
    member: 'groups',
    load: async ({ limit, after }) => await listMemberships(ctx.db, id, { limit, after: after?.id }),
    positionOf: (group) => ({ at: group.added_at, id: group.id }),
    view: membershipView,
  })
}

const assign = (gives: boolean) =>
  freshly(async (ctx, { doer, id, params }) =>
    done(await assignRole(ctx, { user_id: id, role_id: params['role_id'] ?? '', gives }, doer)),
  )

const assignment = {
  tag,
  path: `${one}/roles/:role_id`,
  may: 'roles:assign',
  answers: { 204: 'empty' },
  refuses: [404, 409],
} as const

export const assignApiRoutes: Route[] = [
  apiRoute({
    method: 'GET',
    path: `${one}/roles`,
    tag,
    may: 'users:read',
    summary: 'The roles an account holds, and by which groups',
    answers: { 200: heldRoleListSchema },
    refuses: [404],
    handler: roles,
  }),
  apiRoute({
    method: 'GET',
    path: `${one}/groups`,
    tag,
    may: 'users:read',
    summary: 'The groups an account is in',
    query: pageQuery,
    answers: { 200: membershipListSchema },
    refuses: [404],
    handler: groups,
  }),
  apiRoute({ ...assignment, method: 'POST', summary: 'Give an account a role', handler: assign(true) }),
  apiRoute({ ...assignment, method: 'DELETE', summary: 'Take a role from an account', handler: assign(false) }),
]
