/**
 * Owns the recognition of a person at the JSON API: the session of their browser with a CSRF token, or an access token that
 * is meant for this API (security rules AD-1, AD-4). Start reading at `authenticatePerson`.
 */
import type { Ctx } from '../ctx.ts'
import { notForOthers } from '../http/acting.ts'
import { checkCall } from '../http/csrf.ts'
import type { Demands, PersonPrincipal } from '../http/principal.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Denial, deny, isDenial, shown } from '../protocol/errors.ts'
import { parseScope } from '../protocol/scope.ts'
import { authenticateBrowser, ownForms } from '../sessions/cookie.ts'
import { isDeviceTrusted } from '../sessions/list.ts'
import { authenticateBearer, challenge } from '../token/bearer.ts'

/** The resource identifier of the JSON API: what `aud` of its tokens names (RFC 8707 §2). */
export const apiAudience = (ctx: Ctx): string => `${ctx.config.issuer}/api/v1`

/** Recognises the caller and asks whether they may call this route. Refusals: 401 without or with a dead proof, 403 beyond what is held. */
export const authenticatePerson = async (
  ctx: Ctx,
  request: HttpRequest,
  { may }: Demands,
): Promise<PersonPrincipal | Denial> => {
  const person =
    request.header('authorization') === undefined ? await byCookie(ctx, request) : await byToken(ctx, request, may)
  if (isDenial(person)) return person
  if (person.acted && unsafe.has(request.method)) return actedFor
  const isHeld = may === 'self' || (may !== undefined && person.subject.permissions.includes(may))
  return isHeld ? person : lacking(may ?? '', person.subject.permissions)
}

const unsafe = new Set(['POST', 'PUT', 'PATCH', 'DELETE'])

const byCookie = async (ctx: Ctx, request: HttpRequest): Promise<PersonPrincipal | Denial> => {
  const browser = await authenticateBrowser(ctx, request)
  const { session, subject } = browser
  if (session === undefined || subject === undefined) return nobody
  const forged = unsafe.has(request.method) ? checkCall(ctx, request, browser.browser, ownForms(browser)) : undefined
  if (forged) return forged
  const { auth_time, acr, amr, id: sid, device_trusted, actor_id } = session
  const acted = actor_id !== null
  return { subject, auth_time, acr, amr, sid, device_trusted, acted, browser: { ...browser, session } }
}

/** RFC 6750 §3.1; a token for another audience is none of ours (RFC 9068 §4), and one without the scope may not do this. */
const byToken = async (ctx: Ctx, request: HttpRequest, may: Demands['may']): Promise<PersonPrincipal | Denial> => {
  const bearer = await authenticateBearer(ctx, request)
  if (isDenial(bearer)) return bearer
  const { token, subject } = bearer
  const audience = apiAudience(ctx)
  if (![token.aud].flat().includes(audience)) return foreign(audience, [token.aud].flat().join(' '))
  if (subject === undefined) return foreign('a token of a person', 'a token of an application itself')
  const scope = may === 'self' ? 'account' : 'admin'
  if (!parseScope(token.scope ?? '').includes(scope)) return narrow(scope, token.scope)
  const auth_time = new Date((token.auth_time ?? token.iat) * 1000)
  const { sid, client_id, acr = 'aal1' } = token
  // It can matter after a sign-in that proved one factor, and for what is only read too: a copy of the data wants a fresh proof.
  const device_trusted = acr === 'aal1' && (await isDeviceTrusted(ctx, sid))
  // RFC 8693 §4.1: the token says so.
  const acted = token.act !== undefined
  return { subject, auth_time, acr, amr: [], sid, device_trusted, acted, client_id, scope: token.scope }
}

const nobody: Denial = deny(
  'login_required',
  'Nobody is signed in.',
  {
    rule: 'the caller is a person (AD-4)',
    expected: 'a session cookie or a bearer token',
    got: 'neither',
    remedy: 'Sign in, or send an access token for this API.',
  },
  { status: 401, www_authenticate: 'Bearer realm="keywright"' },
)

/** Who acts as somebody else sees what they see, and changes nothing of the account (security rule AD-4). */
export const actedFor: Denial = deny(
  'access_denied',
  notForOthers,
  {
    rule: 'an account is changed by its person alone (AD-4, LI-4)',
    expected: 'the person',
    got: 'somebody acting for them',
  },
  { status: 403 },
)

const foreign = (expected: string, got: string): Denial =>
  deny(
    'invalid_token',
    'The access token is not meant for this API.',
    {
      rule: 'the audience of the token is this API (RFC 9068 §4)',
      expected,
      got: shown(got),
      remedy: `Ask for the token with resource=${expected}.`,
    },
    { status: 401, www_authenticate: challenge('invalid_token') },
  )

const narrow = (scope: string, got: string | undefined): Denial =>
  deny(
    'insufficient_scope',
    `The access token lacks the scope ${scope}.`,
    { rule: 'the token has the scope of the route (RFC 6750 §3.1)', expected: scope, got: shown(got) },
    { status: 403, www_authenticate: challenge('insufficient_scope', scope) },
  )

const lacking = (may: string, held: readonly string[]): Denial =>
  deny(
    'permission_denied',
    'Your roles do not allow this.',
    {
      rule: 'the person holds the permission of the route (AD-1)',
      expected: may,
      got: held.join(' ') || 'no permission',
      remedy: 'Ask for a role that has it.',
    },
    { status: 403 },
  )
