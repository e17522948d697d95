/** Owns the page of how a person signs in, with the way to change each part, and of what happened to the account. */
import { keyCount } from '../api-keys/manage.ts'
import type { Ctx } from '../ctx.ts'
import { eventsOf } from '../events/list.ts'
import { countBackupCodes } from '../factors/backup-codes.ts'
import { listFactors } from '../factors/keeping.ts'
import { passkeysOf } from '../factors/passkey-keeping.ts'
import { passkeysOn } from '../factors/passkeys.ts'
import { pathOf } from '../http/paths.ts'
import { page, type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import type { PageData } from '../pages/data.ts'
import { param } from '../protocol/params.ts'
import { passwordSetAt } from '../users/own-password.ts'
import { eventViews } from './event-view.ts'
import { accountFrame, type Own, signedIn, withCookies } from './frame.ts'

const few = 5
const many = 50

const show = async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> => {
  const { id: user_id, email, email_verified } = own.subject
  const [password_set_at, factors, backup, passkeys, activity, keys] = await Promise.all([
    passwordSetAt(ctx, user_id),
    listFactors(ctx.db, user_id, email),
    countBackupCodes(ctx.db, user_id),
    passkeysOn(ctx) ? passkeysOf(ctx, user_id) : undefined,
    eventsOf(ctx, { user_id, limit: few }),
    keyCount(ctx.db, user_id),
  ])
  const data: PageData['account-security'] = {
    ...accountFrame(ctx, request, own, 'security'),
    password: {
      href: pathOf(ctx, '/account/password'),
      ...(password_set_at && { changed_at: password_set_at }),
    },
    email: { href: pathOf(ctx, '/account/email'), verified: email_verified, ...(email !== null && { address: email }) },
    ...(passkeys && { passkeys: { href: pathOf(ctx, '/account/passkeys'), count: passkeys.length } }),
    factors: {
      href: pathOf(ctx, '/account/factors'),
      count: factors.length,
      ...(backup && { codes_left: backup.left }),
    },
    keys: { href: pathOf(ctx, '/account/keys'), count: keys },
    events: await eventViews(ctx, activity?.events ?? []),
    all_events: pathOf(ctx, '/account/activity'),
  }
  return page('account-security', data, 200, withCookies(own))
}

/** Everything that happened, fifty at a time. */
const showActivity = async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> => {
  const cursor = param(request.query, 'cursor')
  const found = await eventsOf(ctx, { user_id: own.subject.id, cursor, limit: many })
  if (found === undefined) return redirectLocal('/account/activity')
  const data: PageData['account-activity'] = {
    ...accountFrame(ctx, request, own, 'security'),
    events: await eventViews(ctx, found.events),
    back: pathOf(ctx, '/account/security'),
    ...(found.next !== undefined && { older: `${pathOf(ctx, '/account/activity')}?cursor=${found.next}` }),
  }
  return page('account-activity', data, 200, withCookies(own))
}

export const securityRoutes = [
  route({
    method: 'GET',
    path: '/account/security',
    auth: 'browser',
    errors: 'page',
    summary: 'How one signs in, and what happened lately',
    handler: signedIn('/account/security', show),
  }),
  route({
    method: 'GET',
    path: '/account/activity',
    auth: 'browser',
    errors: 'page',
    summary: 'What happened to the own account',
    handler: signedIn('/account/activity', showActivity),
  }),
]
