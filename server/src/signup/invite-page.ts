/** Owns the page on which an invitation is accepted. Opening its link changes nothing. */
import type { Ctx } from '../ctx.ts'
import { checkCsrf, csrfToken } from '../http/csrf.ts'
import { refuse } from '../http/errors.ts'
import { pathOf } from '../http/paths.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { page, type Reply, secretAddress } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import { replyOf } from '../login/reply.ts'
import type { EntryPages } from '../pages/entry-data.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { browserCookie } from '../sessions/cookie.ts'
import { deadLink } from '../users/one-time.ts'
import { minimumLength } from '../users/password-policy.ts'
import { signInFirst } from './begin-session.ts'
import { acceptInvitation, type Invitation, openInvitation } from './invitations.ts'
import { errorsOf, valuesOf } from './register-page.ts'

const show = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const token = param(request.query, 'token') ?? ''
  const invitation = await openInvitation(ctx, token, request.now)
  if (isDenial(invitation)) return refuseHere(ctx, request, invitation)
  const values = invitation.name === null ? {} : { name: invitation.name }
  return invitePage(ctx, browser, { token, invitation, values })
}

const accept = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const forged = checkCsrf(ctx, request, browser.browser, 'invite')
  if (forged) return refuse(ctx, forged, 'page', { route: '/invite', request })
  const token = param(request.form, 'token') ?? ''
  const values = valuesOf(request)
  const { name, username } = values
  const acceptance = { name, username, password: param(request.form, 'password') ?? '' }
  const account = await acceptInvitation(ctx, request, { token, acceptance })
  if (isDenial(account)) return await again(ctx, request, browser, { token, values, denial: account })
  const outcome = await signInFirst(ctx, request, browser, { account, method: 'invitation', interaction_id: null })
  return replyOf(ctx, outcome) ?? refuseHere(ctx, request, deadLink)
}

type Refused = Pick<EntryPages['register'], 'values'> & { token: string; denial: Denial }

/** The form once more where a field is wrong, else a page that says why not. */
const again = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  { token, values, denial }: Refused,
): Promise<Reply> => {
  const errors = errorsOf(ctx, denial)
  const invitation = errors && (await openInvitation(ctx, token, request.now))
  if (invitation === undefined || isDenial(invitation)) return refuseHere(ctx, request, denial)
  return invitePage(ctx, browser, { token, invitation, values, errors })
}

/** An address that has an account by now is no error: its person is here. */
const refuseHere = (ctx: Ctx, request: HttpRequest, denial: Denial): Reply =>
  denial.error === 'have_account'
    ? page('entry-done', { kind: 'have_account', sign_in: pathOf(ctx, '/login') })
    : refuse(ctx, denial, 'page', { route: '/invite', request })

type Shown = Pick<EntryPages['register'], 'values'> & {
  token: string
  invitation: Invitation
  errors?: EntryPages['register']['errors'] | undefined
}

const invitePage = (ctx: Ctx, browser: BrowserPrincipal, { token, invitation, values, errors }: Shown): Reply => {
  const data: EntryPages['register'] = {
    action: pathOf(ctx, '/invite'),
    csrf: csrfToken(ctx, browser.browser, 'invite'),
    kind: 'invite',
    token,
    fixed_email: invitation.email,
    password_min: minimumLength(ctx.config),
    values,
    ...(errors && { errors }),
  }
  return page('register', data, errors ? 422 : 200, { headers: secretAddress, cookies: browserCookie(browser) })
}

export const inviteRoutes = [
  route({
    method: 'GET',
    path: '/invite',
    auth: 'browser',
    errors: 'page',
    summary: 'The form behind the link of an invitation',
    handler: show,
  }),
  route({
    method: 'POST',
    path: '/invite',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    limit: 'login',
    summary: 'Accept an invitation',
    handler: accept,
  }),
]
