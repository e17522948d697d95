/** Owns what the sign-in page shows. Never proves anybody (password.ts does). */
import type { Interaction } from '../authorize/interaction.ts'
import type { Ctx } from '../ctx.ts'
import { passkeysOf } from '../factors/passkey-keeping.ts'
import { passkeysOn } from '../factors/passkeys.ts'
import { csrfToken } from '../http/csrf.ts'
import { formTarget } from '../http/errors.ts'
import { pathOf } from '../http/paths.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { page, type Reply } from '../http/reply.ts'
import type { LoginError, PageData } from '../pages/data.ts'
import { browserCookie } from '../sessions/cookie.ts'
import { isOpen } from '../signup/policy.ts'

export type LoginPage = {
  interaction: Interaction | undefined
  error?: LoginError | undefined
  /** What the person typed before, to be shown again. */
  typed?: string | undefined
  /** The person asked for another account than the one that is signed in. */
  other?: boolean
  /** A page of ours to go on to. */
  return_to?: `/${string}` | undefined
  /** Whoever is signed in proves it afresh, for that page. */
  again?: boolean
  status?: number
  retry_after_seconds?: number | undefined
}

/** The purpose that a sign-in form's token is bound to: one interaction, or none. */
export const csrfContext = (interaction_id: string | undefined): string => `login|${interaction_id ?? ''}`

/** The page, for a first sign-in or for a fresh proof of somebody who is signed in. */
export const loginPage = async (ctx: Ctx, browser: BrowserPrincipal, facts: LoginPage): Promise<Reply> => {
  const { interaction, error, retry_after_seconds, return_to } = facts
  const client = interaction && (await ctx.clients.get(interaction.client_id))
  const expected = person(ctx, browser, facts)
  const data = {
    action: pathOf(ctx, '/login'),
    csrf: csrfToken(ctx, browser.browser, csrfContext(interaction?.id)),
    ...(interaction && { interaction: interaction.id, cancel: true }),
    ...(return_to !== undefined && { return_to }),
    ...(client && { client: { client_name: client.client_name } }),
    ...(error !== undefined && { error }),
    ...(retry_after_seconds !== undefined && { retry_after_seconds }),
    ...expected,
    ...otherWays(ctx, { interaction, fixed: expected.reauthenticate === true }),
    ...(await passkeys(ctx, browser, expected.reauthenticate === true)),
  }
  return page('login', data, facts.status ?? 200, {
    headers: retry_after_seconds === undefined ? {} : { 'retry-after': String(retry_after_seconds) },
    cookies: browserCookie(browser),
    formAction: interaction ? [formTarget(interaction.request.redirect_uri)] : [],
    log: error === undefined ? {} : { login: error },
  })
}

/** Who is known already needs no account. */
const otherWays = (
  ctx: Ctx,
  { interaction, fixed }: { interaction: Interaction | undefined; fixed: boolean },
): Pick<PageData['login'], 'email_code' | 'recover' | 'register'> => {
  const query = interaction === undefined ? '' : `?interaction=${interaction.id}`
  return {
    ...(ctx.config.email_sign_in && { email_code: pathOf(ctx, '/login/email') }),
    recover: pathOf(ctx, `/recover${query}`),
    ...(isOpen(ctx.config) && !fixed && { register: pathOf(ctx, `/register${query}`) }),
  }
}

/** Passkeys are offered to whoever comes; to somebody whom the page knows, when they have one. */
const passkeys = async (
  ctx: Ctx,
  browser: BrowserPrincipal,
  again: boolean,
): Promise<Pick<PageData['login'], 'passkey'>> => {
  if (!passkeysOn(ctx)) return {}
  if (again && (await passkeysOf(ctx, browser.session?.user_id ?? '')).length === 0) return {}
  const [action, options] = [pathOf(ctx, '/login/passkey'), pathOf(ctx, '/api/v1/auth/passkey/options')]
  return { passkey: { action, options, again } }
}

/** Who the page expects: the person who is signed in and proves it anew, or whoever the application or the form named. */
const person = (ctx: Ctx, browser: BrowserPrincipal, facts: LoginPage): Partial<PageData['login']> => {
  const { interaction, typed } = facts
  const { subject } = browser
  const known = subject?.email ?? subject?.username ?? undefined
  const expected = typed === undefined || typed === known
  const isKnown = interaction !== undefined || facts.again === true
  if (isKnown && subject && known !== undefined && expected && facts.other !== true) {
    return {
      reauthenticate: true,
      login_hint: known,
      account: { name: subject.name ?? known, email: known },
      ...(interaction
        ? { select_account: pathOf(ctx, `/login?interaction=${interaction.id}&other=1`) }
        : { back: pathOf(ctx, '/account') }),
    }
  }
  const hint = typed ?? interaction?.request.login_hint
  return hint === undefined ? {} : { login_hint: hint }
}

/** A page of ours that a sign-in may lead to: a person's own ones. Everything else is no address to go to (an open redirect). */
export const ownPath = (text: string | undefined): `/${string}` | undefined =>
  text !== undefined && /^\/account(\/[a-z0-9-]{1,40}){0,4}$/.test(text) ? (text as `/${string}`) : undefined
