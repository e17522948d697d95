/**
 * Owns the answer to an authorization request: the one place where codes are born (RFC 6749 §4.1.2), and refusals by redirect.
 */
import type { Ctx } from '../ctx.ts'
import type { Query, Tx } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { answer, refuse, refuseByRedirect, type Where } from '../http/errors.ts'
import type { Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { secretBytes, uuidv7 } from '../io/ids.ts'
import type { AuthorizationRequest } from '../protocol/authorization-request.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { hashToken, mintOpaque, type PlainToken } from '../protocol/opaque-token.ts'
import type { LiveSession } from '../protocol/session.ts'
import { insertCode, type NewCode } from './code-store.ts'
import { completeInteraction, reopenInteraction } from './store.ts'

type Facts = {
  authorization: AuthorizationRequest
  session: Pick<LiveSession, 'id' | 'user_id' | 'auth_time'>
  client: { first_party: boolean }
  interaction_id: string | undefined
}

/**
 * Mints a code and sends it to the client, with `iss` (RFC 9207 §2) and the `state` it came with. Undefined when the
 * session has ended or the consent was withdrawn meanwhile: then nothing was written, and the question of what comes next
 * is open again.
 */
export const respondWithCode = async (ctx: Ctx, request: HttpRequest, facts: Facts): Promise<Reply | undefined> => {
  const { authorization, session, client, interaction_id } = facts
  const code = mintOpaque('ac', secretBytes())
  const row = rowOf(ctx, code, { ...facts, now: request.now })
  const write = async (tx: Query): Promise<Outcome> =>
    (await insertCode(tx, row, !client.first_party)) ? 'written' : 'gone'
  const outcome =
    interaction_id === undefined
      ? await write(ctx.db)
      : await transact(ctx.db, async (tx) => await finishWith(tx, { interaction_id, now: request.now, write }))
  if (outcome === 'gone') return undefined
  if (outcome === 'finished') return refuse(ctx, finished, 'page', where(request, authorization))
  ctx.tokenCounts.note(authorization.client_id, 'sign_ins', request.now)
  const params = {
    code,
    ...(authorization.state !== undefined && { state: authorization.state }),
    iss: ctx.config.issuer,
  }
  const log = { client_id: authorization.client_id, user_id: session.user_id, outcome: 'code' }
  return answer(authorization, params, log)
}

type Outcome = 'written' | 'gone' | 'finished'

const rowOf = (ctx: Ctx, code: PlainToken, { authorization, session, now }: Facts & { now: Date }): NewCode => ({
  code_hash: hashToken(code),
  client_id: authorization.client_id,
  session_id: session.id,
  grant_id: uuidv7(now),
  redirect_uri: authorization.redirect_uri,
  redirect_uri_sent: authorization.redirect_uri_sent,
  scope: authorization.scope,
  resource: authorization.resource,
  nonce: authorization.nonce ?? null,
  code_challenge: authorization.code_challenge ?? null,
  created_at: now,
  expires_at: new Date(now.getTime() + ctx.config.code_ttl_seconds * 1000),
})

/** The code is what finishes the interaction: of two answers to one request, one is given. Without a code it stays open. */
const finishWith = async (
  tx: Tx,
  { interaction_id, now, write }: { interaction_id: string; now: Date; write: (tx: Query) => Promise<Outcome> },
): Promise<Outcome> => {
  if (!(await completeInteraction(tx, interaction_id, now))) return 'finished'
  const outcome = await write(tx)
  if (outcome === 'gone') await reopenInteraction(tx, interaction_id)
  return outcome
}

const finished: Denial = deny('invalid_interaction', 'This sign-in is finished.', {
  rule: 'a code finishes its interaction, once (AZ-12)',
  expected: 'an open interaction',
  got: 'one that is finished',
  remedy: 'Go back to the application and start again there.',
})

/** Tells the client that the request is refused (RFC 6749 §4.1.2.1), and finishes the interaction. */
export const respondWithRefusal = async (
  ctx: Ctx,
  request: HttpRequest,
  facts: { authorization: AuthorizationRequest; denial: Denial; interaction_id: string | undefined },
): Promise<Reply> => {
  const { authorization, denial, interaction_id } = facts
  if (interaction_id !== undefined && !(await completeInteraction(ctx.db, interaction_id, request.now))) {
    return refuse(ctx, finished, 'page', where(request, authorization))
  }
  return refuseByRedirect(ctx, denial, authorization, where(request, authorization))
}

const where = (request: HttpRequest, authorization: AuthorizationRequest): Where => ({
  route: '/oauth/authorize',
  request,
  client_id: authorization.client_id,
})
