/**
 * Owns the recognition of a caller at the JSON API: the session of a browser with a CSRF token, an access token that is meant
 * for this API, or an API key (security rules AD-1, AD-4, AK-1). Start reading at `authenticatePerson`.
 */
import { checkApiKey, isApiKey } from '../api-keys/live.ts'
import type { Ctx } from '../ctx.ts'
import { notForOthers } from '../http/acting.ts'
import { checkCall } from '../http/csrf.ts'
import type { BearerPrincipal, Demands, PersonPrincipal, Proof } from '../http/principal.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Denial, deny, isDenial, shown } from '../protocol/errors.ts'
import { parseScope } from '../protocol/scope.ts'
import { mayAct } from '../protocol/subject.ts'
import { authenticateBrowser, ownForms } from '../sessions/cookie.ts'
import { isDeviceTrusted } from '../sessions/list.ts'
import { authenticateBearer, challenge } from '../token/bearer.ts'
import { lacking } from './can.ts'

/** The resource identifier of the JSON API: what `aud` of its tokens names (RFC 8707 §2). */
export const apiAudience = (ctx: Ctx): string => `${ctx.config.issuer}/api/v1`

/** A caller before it is known whether they may. */
type Caller = Omit<PersonPrincipal, 'holds'>

/** Recognises the caller and asks whether they may call this route. Refusals: 401 without or with a dead proof, 403 beyond what is held. */
export const authenticatePerson = async (
  ctx: Ctx,
  request: HttpRequest,
  demands: Demands,
): Promise<PersonPrincipal | Denial> => {
  const caller = await recognise(ctx, request)
  if (isDenial(caller)) return caller
  if (demands.proofs && !demands.proofs.includes(caller.proof)) return wrongProof(demands.proofs, caller.proof)
  if (caller.acted && unsafe.has(request.method)) return actedFor
  return decide(caller, demands)
}

/** Decides by what the caller shows and holds. Who lacks the permission may still own the object, where the route says so. */
const decide = (caller: Caller, { may = 'self', orOwner = false, keys = false }: Demands): PersonPrincipal | Denial => {
  const { subject, proof, api_key } = caller
  const held = may !== 'self' && subject.permissions.includes(may)
  const asOwner = !held && (orOwner || may === 'self')
  if (api_key && asOwner && !keys) return may === 'self' ? notByKey : lacking(may, subject.permissions)
  if (!held && !asOwner) return lacking(may, subject.permissions)
  const short = proof === 'token' && !caller.service ? narrowed(caller.scope, asOwner) : undefined
  return short ?? { ...caller, holds: held }
}

/** An application is given the scope `account` for what is its person's own, `admin` for the rest. */
const narrowed = (scope: string | undefined, asOwner: boolean): Denial | undefined => {
  const needed = asOwner ? 'account' : 'admin'
  return parseScope(scope ?? '').includes(needed) ? undefined : narrow(needed, scope)
}

const recognise = async (ctx: Ctx, request: HttpRequest): Promise<Caller | Denial> => {
  const [header, key] = [request.header('authorization'), request.header('x-api-key')]
  if (header !== undefined && key !== undefined) return twoProofs
  const bearer = header === undefined ? undefined : /^bearer +(\S+) *$/i.exec(header)?.[1]
  const shownKey = key ?? (bearer !== undefined && isApiKey(bearer) ? bearer : undefined)
  if (shownKey !== undefined) return await byKey(ctx, request, shownKey)
  return header === undefined ? await byCookie(ctx, request) : await byToken(ctx, request)
}

/** AK-1: in a header only, and no more than its owner holds now. */
const byKey = async (ctx: Ctx, request: HttpRequest, text: string): Promise<Caller | Denial> => {
  const checked = await checkApiKey(ctx, text, request.now)
  if ('dead' in checked) return deadKey(checked.dead)
  const { key, subject } = checked
  ctx.keyUses.note({ id: key.id, at: request.now, ip: request.ip })
  const service = key.owner_kind === 'service'
  return { subject, ...provedByKey(request, service), proof: 'api_key', api_key: { id: key.id }, service }
}

/** Nobody was there to prove anything, but a service account is nobody else. */
const provedByKey = ({ now }: HttpRequest, service: boolean) => ({
  auth_time: service ? now : new Date(0),
  acr: 'aal1',
  amr: [],
  sid: undefined,
  device_trusted: false,
  acted: false,
})

const unsafe = new Set(['POST', 'PUT', 'PATCH', 'DELETE'])

const byCookie = async (ctx: Ctx, request: HttpRequest): Promise<Caller | Denial> => {
  const browser = await authenticateBrowser(ctx, request)
  const { session, subject } = browser
  if (session === undefined || subject === undefined) return nobody
  const forged = unsafe.has(request.method) ? checkCall(ctx, request, browser.browser, ownForms(browser)) : undefined
  if (forged) return forged
  const { auth_time, acr, amr, id: sid, device_trusted, actor_id } = session
  const acted = actor_id !== null
  const proof = 'session'
  return {
    subject,
    auth_time,
    acr,
    amr,
    sid,
    device_trusted,
    acted,
    proof,
    service: false,
    browser: { ...browser, session },
  }
}

/** RFC 6750 §3.1; a token for another audience is none of ours (RFC 9068 §4). */
const byToken = async (ctx: Ctx, request: HttpRequest): Promise<Caller | Denial> => {
  const bearer = await authenticateBearer(ctx, request)
  if (isDenial(bearer)) return bearer
  const { token, subject } = bearer
  const audience = apiAudience(ctx)
  if (![token.aud].flat().includes(audience)) return foreign(audience, [token.aud].flat().join(' '))
  if (subject === undefined) return await byService(ctx, request, bearer)
  if (bearer.api_key) return byKeyToken(request, { ...bearer, subject, api_key: bearer.api_key })
  const auth_time = new Date((token.auth_time ?? token.iat) * 1000)
  const { sid, client_id, acr = 'aal1' } = token
  // It can matter after a sign-in that proved one factor, and for what is only read too: a copy of the data wants a fresh proof.
  const device_trusted = acr === 'aal1' && (await isDeviceTrusted(ctx, sid))
  // RFC 8693 §4.1: the token says so.
  const acted = token.act !== undefined
  const proof = 'token'
  return {
    subject,
    auth_time,
    acr,
    amr: [],
    sid,
    device_trusted,
    acted,
    client_id,
    scope: token.scope,
    proof,
    service: false,
  }
}

/** A token that a key was exchanged for is worth what the key is worth, and nothing that wants its person. */
const byKeyToken = (
  request: HttpRequest,
  {
    token,
    subject,
    api_key: { id, service },
  }: BearerPrincipal & Pick<Caller, 'subject'> & { api_key: { id: string; service: boolean } },
): Caller => {
  const { client_id, scope } = token
  return { subject, ...provedByKey(request, service), client_id, scope, proof: 'token', api_key: { id }, service }
}

/** A client that acts for itself has the rights of the service account it is tied to. */
const byService = async (ctx: Ctx, request: HttpRequest, { token }: BearerPrincipal): Promise<Caller | Denial> => {
  const client = await ctx.clients.get(token.client_id)
  const id = client?.service_account_id
  const subject = id == null ? undefined : await ctx.subjects.get(id)
  if (subject === undefined || mayAct({ user: subject }, 'invalid_token'))
    return foreign('a token of a person or a service account', 'a token of an application itself')
  const proved = { auth_time: request.now, acr: 'aal1', amr: [], sid: undefined, device_trusted: false, acted: false }
  return { subject, ...proved, client_id: token.client_id, scope: token.scope, proof: 'token', service: true }
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

/** A key that was shown and is worth nothing; the answer does not say why. */
const deadKey = (got: string): Denial =>
  deny(
    'invalid_token',
    'The API key is not valid.',
    { rule: 'the API key is ours and alive (AK-1)', expected: 'a live API key', got, remedy: 'Make a new key.' },
    { status: 401, www_authenticate: challenge('invalid_token') },
  )

const twoProofs: Denial = deny('invalid_request', 'An API key and a token were sent at once.', {
  rule: 'one proof in each request (RFC 6750 §2)',
  expected: 'X-API-Key or Authorization',
  got: 'both',
})

/** A key is made for programs: what only the person themselves should do wants them. */
export const notByKey: Denial = deny(
  'access_denied',
  'An API key cannot do this.',
  {
    rule: 'an account is looked after by its person (AK-1)',
    expected: 'a session or an access token',
    got: 'an API key',
  },
  { status: 403 },
)

const kinds: Record<Proof, string> = { session: 'a session', token: 'an access token', api_key: 'an API key' }

const wrongProof = (wanted: readonly Proof[], got: Proof): Denial =>
  deny(
    'invalid_token',
    'This address wants another kind of proof.',
    {
      rule: 'the kind of proof is one that the route takes (AD-1)',
      expected: wanted.map((proof) => kinds[proof]).join(' or '),
      got: kinds[got],
    },
    { status: 401, www_authenticate: challenge('invalid_token') },
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
