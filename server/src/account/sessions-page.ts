/** Owns the page of the places where a person is signed in, and the ending of them. */
import type { Ctx } from '../ctx.ts'
import { transact } from '../db/transact.ts'
import { pathOf } from '../http/paths.ts'
import { page, type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import { param } from '../protocol/params.ts'
import { endSession } from '../sessions/end.ts'
import { sessionsOfUser } from '../sessions/list.ts'
import { browserLabel } from '../users/user-agent.ts'
import { accountFrame, type Own, ownForm, signedIn, withCookies } from './frame.ts'

const show = async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> => {
  const { session } = own
  const sessions = await sessionsOfUser(ctx, session.user_id, request.now)
  const data = {
    ...accountFrame(ctx, request, own, 'sessions'),
    sessions: sessions.map((one) => ({
      id: one.id,
      current: one.id === session.id,
      user_agent_label: browserLabel(one.user_agent),
      ip: one.ip ?? '',
      ...(one.place && {
        place: { ...(one.place.city && { city: one.place.city }), country_code: one.place.country_code },
      }),
      created_at: one.created_at,
      last_seen_at: one.last_seen_at,
    })),
    end: pathOf(ctx, '/account/sessions/end'),
  }
  return page('account-sessions', data, 200, withCookies(own))
}

/** Ends one of the person's own sessions, or all others; another's id changes nothing. */
const end = async (ctx: Ctx, request: HttpRequest, { session }: Own): Promise<Reply> => {
  const { now } = request
  const id = param(request.form, 'session_id')
  const others = (await sessionsOfUser(ctx, session.user_id, now)).filter((one) => one.id !== session.id)
  const ending = others.filter((one) => id === 'others' || one.id === id)
  await transact(ctx.db, async (tx) => {
    for (const one of ending) await endSession(ctx, tx, { session_id: one.id, now, because: 'ended by its owner' })
  })
  ctx.sessions.clear()
  await ctx.feed.announce()
  return redirectLocal(`/account/sessions${ending.length > 0 ? '?done=sessions_ended' : ''}`)
}

export const sessionsRoutes = [
  route({
    method: 'GET',
    path: '/account/sessions',
    auth: 'browser',
    errors: 'page',
    summary: 'Where one is signed in',
    handler: signedIn('/account/sessions', show),
  }),
  route({
    method: 'POST',
    path: '/account/sessions/end',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    summary: "End one of one's own sessions, or all others",
    handler: ownForm('/account/sessions', end),
  }),
]
