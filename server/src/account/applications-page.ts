/** Owns the page of the applications that have access to a person's account, and the taking back of it. */
import { consentsOf, withdrawConsent } from '../authorize/consent.ts'
import type { Ctx } from '../ctx.ts'
import { pathOf } from '../http/paths.ts'
import { page, type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import { param } from '../protocol/params.ts'
import { accountFrame, type Own, ownForm, signedIn, withCookies } from './frame.ts'

const show = async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> => {
  const consents = await consentsOf(ctx, own.session.user_id)
  const data = {
    ...accountFrame(ctx, request, own, 'applications'),
    consents: consents.map((consent) => ({
      client_id: consent.client_id,
      client_name: consent.client_name,
      scopes: consent.scopes.filter((name) => name !== 'openid'),
      resources: consent.resources,
      granted_at: consent.granted_at,
    })),
    withdraw: pathOf(ctx, '/account/consents/withdraw'),
  }
  return page('account-applications', data, 200, withCookies(own))
}

const withdraw = async (ctx: Ctx, request: HttpRequest, { session }: Own): Promise<Reply> => {
  const withdrawn = await withdrawConsent(ctx, request, session.user_id, param(request.form, 'client_id') ?? '')
  return redirectLocal(`/account/applications${withdrawn ? '?done=access_removed' : ''}`)
}

export const applicationsRoutes = [
  route({
    method: 'GET',
    path: '/account/applications',
    auth: 'browser',
    errors: 'page',
    summary: 'The applications with access',
    handler: signedIn('/account/applications', show),
  }),
  route({
    method: 'POST',
    path: '/account/consents/withdraw',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    summary: "Take back an application's access",
    handler: ownForm('/account/applications', withdraw),
  }),
]
