/** Owns the first of a person's own pages: who they are, what needs their attention, the way out. */
import { accountView, consentsOf } from '../authorize/consent.ts'
import type { Ctx } from '../ctx.ts'
import { countBackupCodes } from '../factors/backup-codes.ts'
import { pathOf } from '../http/paths.ts'
import { page, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import type { PageData } from '../pages/data.ts'
import { sessionsOfUser } from '../sessions/list.ts'
import { accountFrame, type Own, withCookies } from './frame.ts'

/** Shows it. */
export const showOverview = async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> => {
  const { session, subject } = own
  const [sessions, consents, backup] = await Promise.all([
    sessionsOfUser(ctx, session.user_id, request.now),
    consentsOf(ctx, session.user_id),
    countBackupCodes(ctx.db, session.user_id),
  ])
  const { username } = subject
  const data: PageData['account'] = {
    ...accountFrame(ctx, request, own, 'overview'),
    account: { ...accountView(subject), ...(username !== null && { username }) },
    warnings: warningsOf(ctx, own, backup?.left),
    sessions: sessions.length,
    applications: consents.length,
    logout: pathOf(ctx, '/logout'),
  }
  return page('account', data, 200, withCookies(own))
}

/** So many backup codes are soon used up. */
const fewCodes = 3

const warningsOf = (ctx: Ctx, { subject }: Own, codes_left: number | undefined): PageData['account']['warnings'] => {
  const { email, email_verified } = subject
  const unverified = { key: 'account.warning.unverified', params: { email: email ?? '' } } as const
  const codes = { key: 'account.warning.codes', params: { count: codes_left ?? 0 } } as const
  return [
    ...(email !== null && !email_verified ? [{ text: unverified, href: pathOf(ctx, '/account/email') }] : []),
    ...(codes_left !== undefined && codes_left <= fewCodes
      ? [{ text: codes, href: pathOf(ctx, '/account/factors') }]
      : []),
  ]
}
