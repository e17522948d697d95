/**
 * Owns the pages on which a new address is proved: the code in the browser that registered, or the link of the letter in any
 * browser, where opening it changes nothing. Start reading at `verifyRoutes`.
 */
import { formTargets } from '../authorize/interaction.ts'
import type { Ctx } from '../ctx.ts'
import { checkCsrf, csrfToken } from '../http/csrf.ts'
import { refuse } from '../http/errors.ts'
import { pathOf } from '../http/paths.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { page, type Reply, redirectLocal, secretAddress } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import { type CodeWay, resendRoute, showCode, typeCode } from '../login/code-page.ts'
import { replyOf } from '../login/reply.ts'
import type { EntryPages } from '../pages/entry-data.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { browserCookie } from '../sessions/cookie.ts'
import { deadLink, textIn } from '../users/one-time.ts'
import { minimumLength } from '../users/password-policy.ts'
import { signInFirst } from './begin-session.ts'
import { type Born, finishByCode, finishByLink, openLink, type OpenLink } from './finish.ts'
import { errorsOf, valuesOf } from './register-page.ts'

const way: CodeWay = {
  purpose: 'verify_email',
  path: '/verify',
  resend: '/verify/resend',
  back: '/register',
  right: async (ctx, request, browser, oneTime) => {
    const born = await finishByCode(ctx, request, oneTime)
    if (isDenial(born)) return refuseHere(ctx, request, born)
    // The user name is taken: the page of the link asks for another one.
    return 'token' in born
      ? redirectLocal(`/verify?token=${born.token}&taken=1`)
      : await goIn(ctx, request, browser, born)
  },
}

const goIn = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal, born: Born): Promise<Reply> => {
  const outcome = await signInFirst(ctx, request, browser, { ...born, method: 'registration' })
  return replyOf(ctx, outcome) ?? refuseHere(ctx, request, deadLink)
}

/** An address that has an account by now is no error: its person is here. */
const refuseHere = (ctx: Ctx, request: HttpRequest, denial: Denial): Reply =>
  denial.error === 'have_account'
    ? page('entry-done', { kind: 'have_account', sign_in: pathOf(ctx, '/login') })
    : refuse(ctx, denial, 'page', { route: '/verify', request })

const show = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const token = param(request.query, 'token')
  if (token === undefined) return await showCode(ctx, request, browser, way)
  const opened = await openLink(ctx, browser, { token, now: request.now })
  if (isDenial(opened)) return refuseHere(ctx, request, opened)
  const isTaken = request.query.has('taken')
  if (opened.own && !isTaken) return await linkPage(ctx, request, browser, { token, opened })
  const { username, name } = opened.registration
  const values = { ...(name !== null && { name }), ...(username !== null && { username }) }
  const errors: EntryPages['register']['errors'] = isTaken
    ? { username: { key: 'register.error.username_taken' } }
    : undefined
  return await choicePage(ctx, request, browser, { token, opened, values, errors })
}

const confirm = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const token = param(request.form, 'token')
  if (token === undefined) return await typeCode(ctx, request, browser, way)
  const forged = checkCsrf(ctx, request, browser.browser, 'verify')
  if (forged) return refuse(ctx, forged, 'page', { route: '/verify', request })
  const values = valuesOf(request)
  const { name, username } = values
  const choice = { name, username, password: param(request.form, 'password') }
  const born = await finishByLink(ctx, request, browser, { token, choice })
  if (!isDenial(born)) return await goIn(ctx, request, browser, born)
  const errors = errorsOf(ctx, born)
  const opened = errors && (await openLink(ctx, browser, { token, now: request.now }))
  if (opened === undefined || isDenial(opened)) return refuseHere(ctx, request, born)
  return await choicePage(ctx, request, browser, { token, opened, values, errors })
}

/** What all pages of a link have: a secret address, and forms that may lead back into the application. */
const extrasOf = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal, { oneTime }: OpenLink) => ({
  headers: secretAddress,
  cookies: browserCookie(browser),
  formAction: await formTargets(ctx, request, browser, textIn(oneTime.data, 'interaction')),
})

const linkPage = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  { token, opened }: { token: string; opened: OpenLink },
): Promise<Reply> => {
  const data: EntryPages['mail-link'] = {
    action: pathOf(ctx, '/verify'),
    csrf: csrfToken(ctx, browser.browser, 'verify'),
    kind: 'verify_email',
    token,
    email: opened.registration.email,
  }
  return page('mail-link', data, 200, await extrasOf(ctx, request, browser, opened))
}

type Choosing = Pick<EntryPages['register'], 'values'> & {
  token: string
  opened: OpenLink
  errors: EntryPages['register']['errors']
}

/** Name, user name and, where another browser registered, the password. */
const choicePage = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  { token, opened, values, errors }: Choosing,
): Promise<Reply> => {
  const { own, registration } = opened
  const data: EntryPages['register'] = {
    action: pathOf(ctx, '/verify'),
    csrf: csrfToken(ctx, browser.browser, 'verify'),
    kind: 'verify_email',
    token,
    fixed_email: registration.email,
    ...(!own && { password_min: minimumLength(ctx.config) }),
    values,
    ...(errors && { errors }),
  }
  return page('register', data, errors ? 422 : 200, await extrasOf(ctx, request, browser, opened))
}

export const verifyRoutes = [
  route({
    method: 'GET',
    path: '/verify',
    auth: 'browser',
    errors: 'page',
    summary: 'Where a new address is proved: the code, or the link of the letter',
    handler: show,
  }),
  route({
    method: 'POST',
    path: '/verify',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    limit: 'login',
    summary: 'Prove a new address',
    handler: confirm,
  }),
  resendRoute(way),
]
