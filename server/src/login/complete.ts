/**
 * Owns the end of every sign-in, whichever method proved the person: session, device, proof in the interaction, event,
 * in one transaction, and the way back to where the person was going.
 */
import type { Ctx } from '../ctx.ts'
import { recordProof } from '../authorize/interaction.ts'
import type { Tx } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { callerOf, record } from '../events/record.ts'
import type { SetCookie } from '../http/cookies.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import { type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { browserCookie } from '../sessions/cookie.ts'
import { startSession } from '../sessions/start.ts'

/** What a method has proved. `amr` are RFC 8176 values. */
export type Proven = {
  user_id: string
  amr: string[]
  acr: string
  method: string
  /** Whether the proof still stands, asked in the transaction that starts the session. */
  stands: (tx: Tx) => Promise<boolean>
}

/** Starts the session and sends the person on: back into the interaction, or to their own page. Undefined when the proof was overtaken. */
export const completeLogin = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  facts: { proven: Proven; interaction_id: string | undefined; cookies: SetCookie[] },
): Promise<Reply | undefined> => {
  const { now } = request
  const { proven, interaction_id } = facts
  const cookie = await transact(ctx.db, async (tx) => {
    if (!(await proven.stands(tx))) return undefined
    const started = await startSession(ctx, tx, {
      browser,
      signIn: { ...proven, ip: request.ip, user_agent: request.user_agent, now },
    })
    if (interaction_id !== undefined) await recordProof(tx, { id: interaction_id, session_id: started.session.id, now })
    await record(tx, {
      type: 'login.succeeded',
      now,
      user_id: proven.user_id,
      session_id: started.session.id,
      data: { method: proven.method },
      ...callerOf(request),
    })
    return started.cookie
  })
  if (cookie === undefined) return undefined
  // The copy under the old secret must not outlive it.
  ctx.sessions.clear()
  const cookies = [cookie, ...facts.cookies, ...browserCookie(browser)]
  const log = { user_id: proven.user_id, login: 'succeeded' }
  return redirectLocal(interaction_id === undefined ? '/account' : `/oauth/continue?interaction=${interaction_id}`, {
    cookies,
    log,
  })
}
