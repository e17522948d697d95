/** Owns the page on which people create an account. Nothing it says depends on who has one. */
import { findOwn, type Interaction, restart } from '../authorize/interaction.ts'
import type { Ctx } from '../ctx.ts'
import { checkCsrf, csrfToken } from '../http/csrf.ts'
import { refuse } from '../http/errors.ts'
import { pathOf } from '../http/paths.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { page, type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import { toCodePage } from '../login/code-page.ts'
import type { EntryPages } from '../pages/entry-data.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import { browserCookie } from '../sessions/cookie.ts'
import { passwordMessage } from '../users/new-password.ts'
import { minimumLength } from '../users/password-policy.ts'
import { checkMode } from './policy.ts'
import { askForAccount } from './register.ts'

const show = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const closed = checkMode(ctx.config)
  if (closed) return refuse(ctx, closed, 'page', { route: '/register', request })
  const found = await findOwn(ctx, request, browser, param(request.query, 'interaction'))
  if (found.kind === 'refused') return refuse(ctx, found.denial, 'page', { route: '/register', request })
  if (found.kind === 'expired') return await restart(ctx, request, browser, found.interaction)
  if (found.kind === 'none' && browser.session) return redirectLocal('/account')
  return await registerPage(ctx, browser, { interaction: found.kind === 'open' ? found.interaction : undefined })
}

const register = async (ctx: Ctx, request: HttpRequest, browser: BrowserPrincipal): Promise<Reply> => {
  const id = param(request.form, 'interaction')
  const forged = checkCsrf(ctx, request, browser.browser, contextOf(id))
  if (forged) return refuse(ctx, forged, 'page', { route: '/register', request })
  const found = await findOwn(ctx, request, browser, id)
  if (found.kind === 'refused') return refuse(ctx, found.denial, 'page', { route: '/register', request })
  // One that took too long begins anew when the address is proved.
  const interaction = found.kind === 'none' ? undefined : found.interaction
  const values = valuesOf(request)
  if (values.name === undefined)
    return await registerPage(ctx, browser, { interaction, values, errors: { name: { key: 'register.error.name' } } })
  const wanted = { ...values, email: values.email ?? '', password: param(request.form, 'password') ?? '' }
  const asked = await askForAccount(ctx, request, browser, { wanted, interaction_id: interaction?.id })
  if (!isDenial(asked)) return toCodePage({ path: '/verify' }, asked, browser)
  const errors = errorsOf(ctx, asked)
  if (errors === undefined) return refuse(ctx, asked, 'page', { route: '/register', request })
  return await registerPage(ctx, browser, { interaction, values, errors })
}

/** What the form says, to be shown again. */
export const valuesOf = ({ form }: HttpRequest): EntryPages['register']['values'] => {
  const entries = ['email', 'name', 'username'].map((name) => [name, param(form, name)?.trim()])
  return Object.fromEntries(entries.filter(([, value]) => value)) as EntryPages['register']['values']
}

/** A refusal as messages beside the fields; undefined for one that is no affair of a field. */
export const errorsOf = (ctx: Ctx, denial: Denial): EntryPages['register']['errors'] => {
  const { error, because } = denial
  if (error === 'weak_password') return { password: passwordMessage(ctx, because.got) }
  if (error === 'signup_closed')
    return because.expected?.startsWith('a domain') ? { email: { key: 'register.error.email_domain' } } : undefined
  return known[error]
}

const known: Record<string, EntryPages['register']['errors']> = {
  invalid_email: { email: { key: 'register.error.email' } },
  missing_identifier: { email: { key: 'register.error.email' } },
  invalid_name: { name: { key: 'register.error.name' } },
  invalid_username: { username: { key: 'register.error.username' } },
  username_taken: { username: { key: 'register.error.username_taken' } },
}

type Shown = Pick<EntryPages['register'], 'errors'> & {
  interaction: Interaction | undefined
  values?: EntryPages['register']['values']
}

const registerPage = async (ctx: Ctx, browser: BrowserPrincipal, shown: Shown): Promise<Reply> => {
  const { interaction, values = {}, errors } = shown
  const client = interaction && (await ctx.clients.get(interaction.client_id))
  const data: EntryPages['register'] = {
    action: pathOf(ctx, '/register'),
    csrf: csrfToken(ctx, browser.browser, contextOf(interaction?.id)),
    kind: 'register',
    ...(interaction && { interaction: interaction.id }),
    ...(client && { client: { client_name: client.client_name } }),
    password_min: minimumLength(ctx.config),
    values,
    ...(errors && { errors }),
    sign_in: pathOf(ctx, interaction ? `/login?interaction=${interaction.id}` : '/login'),
  }
  return page('register', data, errors ? 422 : 200, {
    cookies: browserCookie(browser),
  })
}

const contextOf = (interaction_id: string | undefined): string => `register|${interaction_id ?? ''}`

export const registerRoutes = [
  route({
    method: 'GET',
    path: '/register',
    auth: 'browser',
    errors: 'page',
    summary: 'The form for a new account',
    handler: show,
  }),
  route({
    method: 'POST',
    path: '/register',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    limit: 'mail',
    summary: 'Ask for an account; a letter follows',
    handler: register,
  }),
]
