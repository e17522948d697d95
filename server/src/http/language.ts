/**
 * Owns the language of an answer: what a request and its reader tell of their languages, and the choice a person made on one
 * of our pages. Never translates (pages/messages.ts does). Start reading at `languageOf`.
 */
import type { Ctx } from '../ctx.ts'
import { wishedLanguage } from '../pages/locale.ts'
import { isDenial } from '../protocol/errors.ts'
import { type Params, param, parseParams } from '../protocol/params.ts'
import { readCookie, type SetCookie } from './cookies.ts'
import type { HttpRequest } from './request.ts'

/** What the handler knows of the reader beside the session: the language of the profile. */
export type Reader = { user_locale?: string | null | undefined }

/** Where languages come from. */
type Place = Pick<Ctx, 'config' | 'pages'>

/**
 * The language to answer in: the one this address asks for, else the one chosen on a page of ours, else the wish of the
 * application that sent the person here (OpenID Connect Core §3.1.2.1), the profile's, the browser's; else English.
 */
export const languageOf = (ctx: Place, request: HttpRequest, reader: Reader = {}): string => {
  const wishes = [asked(request), remembered(ctx, request, 'lang'), remembered(ctx, request, 'app_lang')]
  return ctx.pages.localeOf({
    ui_locales: wishes.filter((one) => one !== undefined).join(' '),
    user_locale: reader.user_locale,
    accept_language: request.header('accept-language'),
  })
}

/** The language of a letter: that of the person it goes to, else that of the request that causes it. */
export const letterLanguageOf = (ctx: Place, request: HttpRequest, reader: Reader = {}): string =>
  wishedLanguage({ user_locale: reader.user_locale }, ctx.pages.languages) ?? languageOf(ctx, request, reader)

/** `ui_locales` of this very request; RP-Initiated Logout §2 allows it in a form too. */
const asked = (request: HttpRequest): string | undefined =>
  param(queryOf(request), 'ui_locales') ?? param(request.form, 'ui_locales')

/** The parameters of the address, of a refused request too; none when they cannot be read. */
const queryOf = (request: HttpRequest): Params => {
  const query = parseParams(request.rawQuery)
  return isDenial(query) ? new Map() : query
}

const remembered = (ctx: Place, request: HttpRequest, name: 'lang' | 'app_lang'): string | undefined =>
  readCookie(request.header('cookie'), ctx.config.issuer, name)

/**
 * Remembers the language that a page was asked for, in a cookie that says nothing else. The address of a protocol endpoint
 * is an application's: what it asks for holds for its own request only.
 */
export const rememberedLanguage = (ctx: Place & Pick<Ctx, 'edge'>, request: HttpRequest): SetCookie[] => {
  if (request.method !== 'GET' || request.path.startsWith(`${ctx.edge.base}/oauth/`)) return []
  const language = wishedLanguage({ ui_locales: param(queryOf(request), 'ui_locales') }, ctx.pages.languages)
  if (language === undefined || language === remembered(ctx, request, 'lang')) return []
  return [{ name: 'lang', value: language, maxAgeSeconds: 400 * 86_400 }]
}

/** Forgets the chosen language: for whoever sets the one of the profile, which shall count from then on. */
export const forgottenLanguage: SetCookie = { name: 'lang', value: '' }

/**
 * Keeps the language that an application wishes for while a person is on our pages because of it, whatever pages these are;
 * without a wish the one before is forgotten.
 */
export const applicationLanguage = (ctx: Place, request: HttpRequest, ui_locales: string | undefined): SetCookie[] => {
  const language = wishedLanguage({ ui_locales }, ctx.pages.languages)
  if (language === remembered(ctx, request, 'app_lang')) return []
  return [{ name: 'app_lang', value: language ?? '', maxAgeSeconds: ctx.config.interaction_ttl_seconds }]
}

/** The parameters of the addresses of our pages. What else stands in an address may be anything, a secret too: it is not repeated (G-8). */
const pageParameters = new Set(
  (
    'interaction sign_in kind token id return_to again other first change taken restarted limited limit_reached done cursor ' +
    'limit email login_hint client_id id_token_hint post_logout_redirect_uri state'
  ).split(' '),
)

/** Fields of a posted form without which its page cannot be asked for again. */
const addressFields = ['interaction', 'sign_in', 'kind', 'token', 'id', 'return_to', 'again']

const isKnown = (name: string): boolean => pageParameters.has(name) || name === 'ui_locales'

/**
 * The parameters that a page keeps when its language is changed: those of its address. Undefined when the page cannot be
 * asked for again: it answers a form and shows none itself.
 */
export const keptFields = (request: HttpRequest, data: object): [string, string][] | undefined => {
  const posted = request.method !== 'GET' && request.method !== 'HEAD'
  if (posted && !('csrf' in data)) return undefined
  const query = queryOf(request)
  // A refusal of an address that is not one of our pages could not be asked for again without what is left out.
  if ('request_id' in data && [...query.keys()].some((name) => !isKnown(name))) return undefined
  const known = [...query].filter(([name]) => isKnown(name))
  const kept = known.flatMap(([name, values]) => values.map((value): [string, string] => [name, value]))
  const posts = (posted ? addressFields : []).flatMap((name): [string, string][] => {
    const value = param(request.form, name)
    return value === undefined || query.has(name) ? [] : [[name, value]]
  })
  return [...kept, ...posts].filter(([name]) => name !== 'ui_locales')
}
