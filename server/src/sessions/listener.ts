/**
 * Owns who may follow the revocation feed: a client with a token of its own or a person who holds the permission, both by a
 * token with the scope `revocations:read`, or an API key with the permission. Asked again, it refuses what has died meanwhile.
 */
import { apiAudience, authenticatePerson } from '../access/person.ts'
import { isApiKey } from '../api-keys/live.ts'
import type { Ctx } from '../ctx.ts'
import type { ListenerPrincipal } from '../http/principal.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Denial, deny, isDenial, shown } from '../protocol/errors.ts'
import { parseScope } from '../protocol/scope.ts'
import { authenticateBearer, challenge } from '../token/bearer.ts'

/** The scope of tokens, and the permission of people and of API keys. */
const right = 'revocations:read'

/** Recognises the caller at the instant of the request. Refusals: 401 without a living token, 403 without the right. */
export const authenticateListener = async (ctx: Ctx, request: HttpRequest): Promise<ListenerPrincipal | Denial> => {
  if (showsKey(request)) return await byKey(ctx, request)
  const bearer = await authenticateBearer(ctx, request)
  if (isDenial(bearer)) return bearer
  const { token, subject } = bearer
  if (!parseScope(token.scope ?? '').includes(right)) return narrow(token.scope)
  // A client's own token is its own affair; one that speaks for a person has to be meant for us (RFC 9068 §4).
  if (subject === undefined) return { listener: `client ${token.client_id}` }
  if (![token.aud].flat().includes(apiAudience(ctx))) return foreign(apiAudience(ctx), [token.aud].flat().join(' '))
  return subject.permissions.includes(right) ? { listener: `user ${token.sub}` } : lacking
}

const showsKey = (request: HttpRequest): boolean => {
  const bearer = /^bearer +(\S+) *$/i.exec(request.header('authorization') ?? '')?.[1]
  return request.header('x-api-key') !== undefined || (bearer !== undefined && isApiKey(bearer))
}

const byKey = async (ctx: Ctx, request: HttpRequest): Promise<ListenerPrincipal | Denial> => {
  const person = await authenticatePerson(ctx, request, { path: '/oauth/revocations', may: right, proofs: ['api_key'] })
  return isDenial(person) ? person : { listener: `key ${person.api_key?.id ?? person.subject.id}` }
}

const narrow = (got: string | undefined): Denial =>
  deny(
    'insufficient_scope',
    `The access token lacks the scope ${right}.`,
    {
      rule: 'the token has the scope of the feed (RFC 6750 §3.1)',
      expected: right,
      got: shown(got),
      remedy: `Give the client the scope ${right}, and ask for it.`,
    },
    { status: 403, www_authenticate: challenge('insufficient_scope', right) },
  )

const foreign = (expected: string, got: string): Denial =>
  deny(
    'invalid_token',
    'The access token is not meant for this API.',
    { rule: 'the audience of a token of a person is this API (RFC 9068 §4)', expected, got: shown(got) },
    { status: 401, www_authenticate: challenge('invalid_token') },
  )

const lacking: Denial = deny(
  'permission_denied',
  'Your roles do not allow this.',
  { rule: 'the person holds the permission of the feed (AD-1)', expected: right, got: 'roles without it' },
  { status: 403 },
)
