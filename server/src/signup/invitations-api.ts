/**
 * Owns the addresses at which administrators invite people, see what became of it, and withdraw it. Nobody gives roles by an
 * invitation that they may not give otherwise (security rule AD-2); the link goes to the person who is invited alone (EM-2).
 */
import { z } from 'zod'
import type { Ctx } from '../ctx.ts'
import { type ApiCall, apiRoute, instant, nextCursor, pageQuery } from '../http/api-route.ts'
import { badQuery, nextLink, openCursor, sealCursor } from '../http/cursor.ts'
import { empty, json, type Reply } from '../http/reply.ts'
import type { Route } from '../http/route.ts'
import { deny, type Denial, isDenial, shown } from '../protocol/errors.ts'
import { actorOf, mayGiveNow } from '../users/admin.ts'
import { invitationView, invite, listInvitations, withdrawInvitation } from './invitations.ts'

const path = '/api/v1/users/invitations'
const place = { list: 'invitations' }
const text = z.string().max(320)

const invitation = z.strictObject({
  email: text.meta({ examples: ['mary@example.com'] }),
  name: text.optional(),
  roles: z.array(text).max(50).optional(),
  locale: z.string().max(35).optional(),
})

const create = async (
  ctx: Ctx,
  { request, person, body }: ApiCall<z.infer<typeof invitation>, unknown>,
): Promise<Reply | Denial> => {
  const { roles = [], ...wish } = body
  const refused = await mayGiveNow(ctx, person, { request, roles })
  if (refused) return refused
  const { id: invited_by } = person.subject
  const made = await invite(ctx, { ...wish, roles, invited_by }, { by: actorOf(request, person) })
  if (isDenial(made)) return made
  return json({ invitation: invitationView(made.invitation, request.now) }, 201)
}

type Position = { created_at: string; id: string }

const list = async (
  ctx: Ctx,
  { request, query: { limit, cursor } }: ApiCall<unknown, z.infer<typeof pageQuery>>,
): Promise<Reply | Denial> => {
  const after = cursor === undefined ? undefined : (openCursor(ctx, place, cursor) as Position | undefined)
  if (cursor !== undefined && after === undefined) return badQuery('a cursor of this list', shown(cursor))
  const rows = await listInvitations(ctx.db, {
    limit: limit + 1,
    after: after && { id: after.id, created_at: new Date(after.created_at) },
  })
  const shownRows = rows.slice(0, limit)
  const last = shownRows.at(-1)
  const next = rows.length > limit && last ? sealCursor(ctx, place, positionOf(last)) : undefined
  const invitations = shownRows.map((row) => invitationView(row, request.now))
  return json({ invitations, next: next ?? null }, 200, { headers: nextLink(ctx, request, { path, next }) })
}

const positionOf = ({ created_at, id }: { created_at: Date; id: string }): Position => ({
  created_at: created_at.toISOString(),
  id,
})

const withdraw = async (ctx: Ctx, { request, person, params }: ApiCall<unknown, unknown>): Promise<Reply | Denial> => {
  const id = params['id'] ?? ''
  return (await withdrawInvitation(ctx, id, actorOf(request, person))) ? empty(204) : notOpen
}

const notOpen: Denial = deny('not_found', 'There is no such open invitation.', {
  rule: 'an invitation is withdrawn while it is open',
  expected: 'the id of an open invitation',
  got: 'another one',
})

const invitationSchema = z
  .object({
    id: z.uuid(),
    email: z.string(),
    name: z.string().nullable(),
    roles: z.array(z.string()),
    status: z.enum(['open', 'accepted', 'withdrawn', 'expired']),
    invited_by: z.string().nullable(),
    created_at: instant,
    expires_at: instant,
  })
  .meta({ id: 'Invitation' })

const tag = 'Invitations'

export const invitationsApiRoutes: Route[] = [
  apiRoute({
    method: 'GET',
    path,
    tag,
    may: 'users:read',
    summary: 'List invitations, newest first',
    query: pageQuery,
    answers: { 200: z.object({ invitations: z.array(invitationSchema), next: nextCursor }) },
    handler: list,
  }),
  apiRoute({
    method: 'POST',
    path,
    tag,
    may: 'users:write',
    summary: 'Invite somebody by mail',
    body: invitation,
    answers: { 201: z.object({ invitation: invitationSchema }) },
    refuses: [409, 422],
    handler: create,
  }),
  apiRoute({
    method: 'DELETE',
    path: `${path}/:id`,
    tag,
    may: 'users:write',
    summary: 'Withdraw an open invitation',
    answers: { 204: 'empty' },
    handler: withdraw,
  }),
]
