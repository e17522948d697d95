/**
 * Owns the first run: a one-time link, printed at start, with which the first administrator is created. There is no
 * default password (security rule AD-6). Start reading at `createSetupLink`.
 */
import type { Ctx } from '../ctx.ts'
import { transact } from '../db/transact.ts'
import { callerOf, record } from '../events/record.ts'
import { refuse } from '../http/errors.ts'
import { checkCsrf, csrfToken } from '../http/csrf.ts'
import { pathOf } from '../http/paths.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { page, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import { adminExists } from '../access/roles.ts'
import type { PageData } from '../pages/data.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { browserCookie } from '../sessions/cookie.ts'
import { makeLink, peekLink, spendLink, voidPurpose } from '../users/one-time.ts'
import { passwordMessage } from '../users/new-password.ts'
import { minimumLength } from '../users/password-policy.ts'
import { createUser, prepareUser } from '../users/register.ts'

/**
 * A fresh link while nobody holds the role admin; older links stop working. Undefined once there is an administrator. The
 * address, when it is known whose link it is, stands in the form already; it may be changed there.
 */
export const createSetupLink = async (ctx: Ctx, email?: string): Promise<string | undefined> =>
  await transact(ctx.db, async (tx) => {
    if (await adminExists(tx)) return undefined
    await voidPurpose(tx, 'setup')
    const token = await makeLink(tx, { purpose: 'setup', now: ctx.now() })
    const known = email === undefined ? '' : `&email=${encodeURIComponent(email)}`
    return `${ctx.config.issuer}/setup?token=${token}${known}`
  })

const show = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const token = param(request.query, 'token') ?? ''
  const live = (await peekLink(ctx.db, 'setup', token, request.now)) !== undefined && !(await adminExists(ctx.db))
  return live
    ? setupPage(ctx, browser, { token, values: { email: param(request.query, 'email') } })
    : await refuseLink(ctx, request)
}

const deadLink: Denial = deny('setup_link', 'This link was used already, has expired, or is not complete.', {
  rule: 'the setup link is fresh and was not used (AD-6)',
  expected: 'the newest link that the server printed',
  got: 'another one',
  remedy: 'Start the server again: it prints a new link while there is no administrator.',
})

/** Where somebody is administrator already, signing in is what is left to do, and the page offers it. */
const refuseLink = async (ctx: Ctx, request: HttpRequest): Promise<Reply> => {
  const reply = refuse(ctx, deadLink, 'page', { route: '/setup', request })
  if (reply.kind !== 'page' || reply.page !== 'error' || !(await adminExists(ctx.db))) return reply
  return { ...reply, data: { ...reply.data, what_to_do: 'error.do.setup_done', sign_in: pathOf(ctx, '/login') } }
}

const create = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const token = param(request.form, 'token') ?? ''
  const forged = checkCsrf(ctx, request, browser.browser, 'setup')
  if (forged) return refuse(ctx, forged, 'page', { route: '/setup', request })
  const values = {
    email: param(request.form, 'email'),
    name: param(request.form, 'name'),
    username: param(request.form, 'username'),
  }
  const prepared = await prepareUser(
    ctx,
    { ...values, password: param(request.form, 'password') ?? '', email_verified: true, roles: ['admin'] },
    request.now,
  )
  if (isDenial(prepared)) return setupPage(ctx, browser, { token, values, denial: prepared })
  const made = await transact(ctx.db, async (tx) => {
    // The command line may have made one since the link was printed.
    if (await adminExists(tx)) return deadLink
    const created = await createUser(tx, prepared, request.now, callerOf(request))
    if (isDenial(created)) return created
    // The link is spent only by the account it makes; two people with one link make one administrator.
    if ((await spendLink(tx, 'setup', token, request.now)) === undefined) throw new SpentLink()
    await record(tx, { type: 'setup.completed', now: request.now, user_id: created.user_id, ...callerOf(request) })
    return created
  }).catch((error: unknown) => {
    if (error instanceof SpentLink) return deadLink
    throw error
  })
  if (made === deadLink) return await refuseLink(ctx, request)
  if (isDenial(made)) return setupPage(ctx, browser, { token, values, denial: made })
  const account = { name: values.name ?? values.username ?? values.email ?? '', email: values.email ?? '' }
  return page('setup-done', { account, login_href: pathOf(ctx, '/login'), issuer: ctx.config.issuer }, 200, {
    cookies: browserCookie(browser),
  })
}

/** Rolls the account back: the link was spent by somebody else meanwhile. */
class SpentLink extends Error {
  override name = 'SpentLink'
}

type Values = { email?: string | undefined; name?: string | undefined; username?: string | undefined }

const setupPage = (
  ctx: Ctx,
  browser: BrowserPrincipal,
  facts: { token: string; values: Values; denial?: Denial },
): Reply => {
  const { token, values, denial } = facts
  const data: PageData['setup'] = {
    action: pathOf(ctx, '/setup'),
    csrf: csrfToken(ctx, browser.browser, 'setup'),
    token,
    password_min: minimumLength(ctx.config),
    values: Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)),
    ...(denial && { errors: errorsOf(ctx, denial) }),
  }
  // Not even to this server's own files: a proxy before it may log what a page came from. The origin stays, for CSRF.
  const headers = { 'referrer-policy': 'strict-origin' }
  return page('setup', data, denial ? 422 : 200, { headers, cookies: browserCookie(browser) })
}

const errorsOf = (ctx: Ctx, denial: Denial): NonNullable<PageData['setup']['errors']> => {
  if (denial.error === 'invalid_email' || denial.error === 'missing_identifier')
    return { email: { key: 'setup.error.email' } }
  if (denial.error === 'already_exists') return { email: { key: 'setup.error.email_taken' } }
  if (denial.error === 'invalid_username') return { username: { key: 'setup.error.username' } }
  if (denial.error !== 'weak_password') return { form: { key: 'setup.error.form' } }
  return { password: passwordMessage(ctx, denial.because.got) }
}

export const setupRoutes = [
  route({
    method: 'GET',
    path: '/setup',
    auth: 'browser',
    errors: 'page',
    limit: 'login',
    summary: 'Create the first administrator',
    handler: show,
  }),
  route({
    method: 'POST',
    path: '/setup',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    limit: 'login',
    summary: 'Create the first administrator',
    handler: create,
  }),
]
