/** Owns the first of a person's own pages: who they are, what needs their attention, the way out. */
import { accountView, consentsOf } from '../authorize/consent.ts'
import type { Ctx } from '../ctx.ts'
import { pathOf } from '../http/paths.ts'
import { page, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import type { PageData } from '../pages/data.ts'
import { sessionsOfUser } from '../sessions/list.ts'
import { accountFrame, type Own, withCookies } from './frame.ts'

/** Shows it. */
export const showOverview = async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> => {
  const { session, subject } = own
  const [sessions, consents] = await Promise.all([
    sessionsOfUser(ctx, session.user_id, request.now),
    consentsOf(ctx, session.user_id),
  ])
  const { username } = subject
  const data: PageData['account'] = {
    ...accountFrame(ctx, request, own, 'overview'),
    account: { ...accountView(subject), ...(username !== null && { username }) },
    warnings: warningsOf(ctx, own),
    sessions: sessions.length,
    applications: consents.length,
    logout: pathOf(ctx, '/logout'),
  }
  return page('account', data, 200, withCookies(own))
}

const warningsOf = (ctx: Ctx, { subject }: Own): PageData['account']['warnings'] => {
  const { email, email_verified } = subject
  return email !== null && !email_verified
    ? [{ text: { key: 'account.warning.unverified', params: { email } }, href: pathOf(ctx, '/account/email') }]
    : []
}
