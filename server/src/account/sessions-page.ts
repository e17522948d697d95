/** Owns the page of the places where a person is signed in, the browsers that are known for them, and the ending of both. */
import type { Ctx } from '../ctx.ts'
import { listDevices } from '../devices/forget.ts'
import { pathOf } from '../http/paths.ts'
import { page, type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import type { PageData } from '../pages/data.ts'
import { param } from '../protocol/params.ts'
import { sessionsOfUser } from '../sessions/list.ts'
import { browserLabel } from '../users/user-agent.ts'
import { distrustOwnDevice, endOwnSessions, forgetOwnDevice } from './end-own.ts'
import { whereOf } from './event-view.ts'
import { accountFrame, type Own, ownForm, signedIn, withCookies } from './frame.ts'

const path = '/account/sessions'

const show = async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> => {
  const { session } = own
  const { now } = request
  const [sessions, devices] = await Promise.all([
    sessionsOfUser(ctx, session.user_id, now),
    listDevices(ctx.db, session.user_id),
  ])
  const data: PageData['account-sessions'] = {
    ...accountFrame(ctx, request, own, 'sessions'),
    sessions: sessions.map((one) => ({
      id: one.id,
      current: one.id === session.id,
      acted: one.actor_id !== null,
      user_agent_label: browserLabel(one.user_agent),
      where: whereOf(one.ip, one.place),
      created_at: one.created_at,
      last_seen_at: one.last_seen_at,
    })),
    devices: devices.map((device) => ({
      id: device.id,
      current: device.id === session.device_id,
      user_agent_label: browserLabel(device.user_agent),
      where: whereOf(device.ip, device.place),
      first_seen_at: device.created_at,
      last_seen_at: device.last_seen_at,
      ...(device.trusted_until !== null && device.trusted_until > now && { trusted_until: device.trusted_until }),
    })),
    end: pathOf(ctx, '/account/sessions/end'),
    forget: pathOf(ctx, '/account/devices/forget'),
  }
  return page('account-sessions', data, 200, withCookies(own))
}

/** Ends one of the person's own sessions, or all others; another's id changes nothing. */
const end = async (ctx: Ctx, request: HttpRequest, { session }: Own): Promise<Reply> => {
  const wanted = param(request.form, 'session_id') ?? ''
  const ended = await endOwnSessions(ctx, request, { user_id: session.user_id, wanted, except: session.id })
  return redirectLocal(`${path}${ended > 0 ? '?done=sessions_ended' : ''}`)
}

/** Forgets another browser, and ends the sessions there. Of this one only the trust goes: signing out has its own button. */
const forget = async (ctx: Ctx, request: HttpRequest, { session }: Own): Promise<Reply> => {
  const { user_id, device_id } = session
  const wanted = param(request.form, 'device_id') ?? ''
  if (wanted === device_id) {
    await distrustOwnDevice(ctx, request, { user_id, device_id: wanted })
    return redirectLocal(`${path}?done=device_distrusted`)
  }
  const forgotten = await forgetOwnDevice(ctx, request, { user_id, device_id: wanted })
  return redirectLocal(`${path}${forgotten ? '?done=device_forgotten' : ''}`)
}

export const sessionsRoutes = [
  route({
    method: 'GET',
    path,
    auth: 'browser',
    errors: 'page',
    summary: 'Where one is signed in',
    handler: signedIn(path, show),
  }),
  route({
    method: 'POST',
    path: '/account/sessions/end',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    summary: "End one of one's own sessions, or all others",
    handler: ownForm(path, end),
  }),
  route({
    method: 'POST',
    path: '/account/devices/forget',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    summary: 'Forget a browser in which one has signed in',
    handler: ownForm(path, forget),
  }),
]
