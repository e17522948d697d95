/**
 * Owns the check of an authorization request (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1). Client and redirect URI
 * come first (AZ-2): until both are proved a refusal is a page; after that it is a redirect. Pure.
 */
import { type Denial, deny, isDenial, shown } from './errors.ts'
import { type Params, param, paramAll, repeated } from './params.ts'
import { checkChallenge } from './pkce.ts'
import { matchRedirect, type RegisteredRedirect } from './redirect-uri.ts'
import { decideResources } from './resource.ts'
import { decideScope, formatScope } from './scope.ts'

export type ResponseMode = 'query' | 'fragment' | 'form_post'

/** What this check needs to know of a client. */
export type AuthorizeClient = {
  client_id: string
  type: string
  token_endpoint_auth_method: string
  redirect_uris: readonly string[]
  grant_types: readonly string[]
  response_types: readonly string[]
  response_modes: readonly string[]
  scope: string
  resources: readonly string[]
  require_pkce: boolean
}

/** Where the answer goes, success or refusal. */
export type AnswerTo = { redirect_uri: RegisteredRedirect; response_mode: ResponseMode; state?: string }

/** A checked request, as it is stored in an interaction. Names are those of the wire. */
export type AuthorizationRequest = AnswerTo & {
  client_id: string
  redirect_uri_sent: boolean
  scope: string
  resource: string[]
  prompt: string[]
  nonce?: string
  code_challenge?: string
  max_age?: number
  login_hint?: string
  id_token_hint?: string
  acr_values?: string
  ui_locales?: string
}

/** Either the request, or a refusal: with `answer_to` by redirect, without as a page. */
export type Checked = { request: AuthorizationRequest } | { denial: Denial; answer_to?: AnswerTo }

/** Runs every check of the endpoint in the order of security rule AZ-2. */
export const checkAuthorizationRequest = (params: Params, client: AuthorizeClient): Checked => {
  const target = decideRedirect(params, client)
  if (isDenial(target)) return { denial: target }
  const mode = decideMode(params, client)
  const state = param(params, 'state')
  const answer_to: AnswerTo = {
    redirect_uri: target.redirect_uri,
    response_mode: isDenial(mode) ? 'query' : mode,
    ...(state !== undefined && { state }),
  }
  if (isDenial(mode)) return { denial: mode, answer_to }
  const rest = checkRest(params, client)
  if (isDenial(rest)) return { denial: rest, answer_to }
  return { request: { ...answer_to, ...rest, client_id: client.client_id, redirect_uri_sent: target.sent } }
}

/** RFC 6749 §3.1.2.3, §4.1.2.1: a missing or foreign redirect_uri is told to the person, never followed. */
const decideRedirect = (
  params: Params,
  client: AuthorizeClient,
): { redirect_uri: RegisteredRedirect; sent: boolean } | Denial => {
  const asked = params.get('redirect_uri')
  if (asked !== undefined && asked.length > 1) return badRedirect('redirect_uri once', `${asked.length} times`)
  const openid = (param(params, 'scope') ?? '').split(' ').includes('openid')
  const only = client.redirect_uris.length === 1 ? client.redirect_uris[0] : undefined
  // OpenID Connect Core §3.1.2.1 makes it REQUIRED; plain OAuth may leave out the only one (RFC 6749 §3.1.2.3).
  const named = asked?.[0] ?? (openid ? undefined : only)
  if (named === undefined) return badRedirect('a redirect_uri', 'nothing')
  const redirect_uri = matchRedirect(named, client.redirect_uris, client.type)
  if (redirect_uri === undefined)
    return badRedirect(`exactly one of: ${client.redirect_uris.join(' ') || 'none'}`, named)
  return { redirect_uri, sent: asked !== undefined }
}

const badRedirect = (expected: string, got: string): Denial =>
  deny('invalid_request', 'The redirect_uri of this request is not registered for this application.', {
    rule: 'redirect_uri is registered, compared character by character (RFC 9700 §2.1, AZ-1)',
    expected,
    got: shown(got),
    remedy: 'Register this exact URI for the client, or mend the application.',
  })

const modes = ['query', 'fragment', 'form_post'] as const

const decideMode = (params: Params, client: AuthorizeClient): ResponseMode | Denial => {
  const asked = param(params, 'response_mode') ?? 'query'
  const mode = modes.find((known) => known === asked)
  if (mode && client.response_modes.includes(mode)) return mode
  return deny('invalid_request', 'The response_mode is not supported.', {
    rule: "response_mode is one of the client's (OAuth 2.0 Multiple Response Types §2.1, AZ-5)",
    expected: client.response_modes.join(' '),
    got: shown(asked),
    remedy: 'Leave response_mode out, or register it for the client.',
  })
}

type Rest = Omit<AuthorizationRequest, keyof AnswerTo | 'client_id' | 'redirect_uri_sent'>

const checkRest = (params: Params, client: AuthorizeClient): Rest | Denial => {
  const refused = repeated(params) ?? unsupported(params) ?? checkResponseType(params, client) ?? checkGrant(client)
  if (refused) return refused
  const scopes = decideScope(param(params, 'scope'), client.scope.split(' '), 'none')
  if (isDenial(scopes)) return scopes
  const resource = decideResources(paramAll(params, 'resource'), client.resources)
  if (isDenial(resource)) return resource
  const challenge = checkPkce(params, client)
  if (isDenial(challenge)) return challenge
  const prompt = decidePrompt(param(params, 'prompt'))
  if (isDenial(prompt)) return prompt
  const max_age = decideMaxAge(param(params, 'max_age'))
  if (isDenial(max_age)) return max_age
  return {
    scope: formatScope(scopes),
    resource,
    prompt,
    ...(challenge !== undefined && { code_challenge: challenge }),
    ...(max_age !== undefined && { max_age }),
    ...hints(params),
  }
}

const passed = ['nonce', 'login_hint', 'id_token_hint', 'acr_values', 'ui_locales'] as const

const hints = (params: Params): Partial<Record<(typeof passed)[number], string>> =>
  Object.fromEntries(passed.flatMap((name) => (params.has(name) ? [[name, param(params, name)]] : [])))

/** OpenID Connect Core §6: what is not supported is said, never ignored. */
const unsupported = (params: Params): Denial | undefined => {
  for (const name of ['request', 'request_uri', 'registration'] as const) {
    if (!params.has(name)) continue
    return deny(`${name}_not_supported`, `The parameter ${name} is not supported.`, {
      rule: `${name} is refused where it is not supported (OpenID Connect Core §3.1.2.6)`,
      expected: `no ${name}`,
      got: name,
      remedy: 'Send the parameters of the request in the query.',
    })
  }
  return undefined
}

const checkResponseType = (params: Params, client: AuthorizeClient): Denial | undefined => {
  const asked = param(params, 'response_type')
  if (asked === undefined) {
    return deny('invalid_request', 'The parameter response_type is missing.', {
      rule: 'response_type is REQUIRED (RFC 6749 §4.1.1)',
      expected: 'response_type=code',
      got: 'nothing',
      remedy: 'Send response_type=code.',
    })
  }
  if (asked === 'code' && client.response_types.includes('code')) return undefined
  return deny('unsupported_response_type', 'The response_type is not supported.', {
    rule: 'response_type is registered (RFC 6749 §4.1.2.1, AZ-5)',
    expected: client.response_types.join(', '),
    got: shown(asked),
    remedy: 'Use the authorization code flow: response_type=code.',
  })
}

const checkGrant = (client: AuthorizeClient): Denial | undefined =>
  client.grant_types.includes('authorization_code')
    ? undefined
    : deny('unauthorized_client', 'This client may not use the authorization code flow.', {
        rule: 'the client has the grant (RFC 6749 §4.1.2.1)',
        expected: 'authorization_code among its grant_types',
        got: client.grant_types.join(' '),
        remedy: 'Give the client the grant authorization_code.',
      })

/** RFC 9700 §2.1.1: a confidential client may go without PKCE only with a nonce in its place. */
const checkPkce = (params: Params, client: AuthorizeClient): string | undefined | Denial => {
  const confidential = client.token_endpoint_auth_method !== 'none'
  const optedOut = !client.require_pkce && confidential && params.has('nonce')
  return checkChallenge(param(params, 'code_challenge'), param(params, 'code_challenge_method'), !optedOut)
}

const prompts = ['none', 'login', 'consent', 'select_account']

const decidePrompt = (asked: string | undefined): string[] | Denial => {
  const values = (asked ?? '').split(' ').filter((value) => value !== '')
  const alone = !values.includes('none') || values.length === 1
  if (alone && values.every((value) => prompts.includes(value))) return values
  return deny('invalid_request', 'The parameter prompt is not valid.', {
    rule: 'prompt values are known, and none stands alone (OpenID Connect Core §3.1.2.1)',
    expected: 'none, or any of: login consent select_account',
    got: shown(asked),
  })
}

const decideMaxAge = (asked: string | undefined): number | undefined | Denial => {
  if (asked === undefined) return undefined
  if (/^\d{1,9}$/.test(asked)) return Number(asked)
  return deny('invalid_request', 'The parameter max_age is not a number of seconds.', {
    rule: 'max_age is a non-negative integer (OpenID Connect Core §3.1.2.1)',
    expected: 'seconds',
    got: shown(asked),
  })
}
