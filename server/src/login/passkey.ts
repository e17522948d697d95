/**
 * Owns the sign-in by passkey: the browser answers a challenge, and whose passkey it was is who signs in. Every refusal is
 * the same (security rule PK-1). Nobody's wrong passwords slow it down (security design 3.7). Pages and API end here.
 */
import type { Ctx } from '../ctx.ts'
import { transact } from '../db/transact.ts'
import { callerOf, record } from '../events/record.ts'
import { provePasskey, wrongPasskey } from '../factors/passkeys.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import type { HttpRequest } from '../http/request.ts'
import type { Denial } from '../protocol/errors.ts'
import { credentialOf, holdSigner } from '../users/credentials.ts'
import { completeLogin, type Destination, type Outcome } from './complete.ts'

/** Signs in with what the browser answered. Refuses with `wrong_passkey` (401). */
export const signInWithPasskey = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  { sent, destination }: { sent: unknown; destination: Destination },
): Promise<Outcome | Denial> => {
  const client_id = destination.interaction?.client_id
  const asked = { ceremony: 'sign_in' as const, bound_to: browser.browser, user_id: browser.session?.user_id }
  const proof = await provePasskey(ctx, request, { ...asked, sent })
  if ('failed' in proof) return await refused(ctx, request, { ...proof, client_id })
  const { user_id, passkey_id, amr } = proof
  const standing = await transact(ctx.db, async (tx) => await holdSigner(tx, user_id))
  if (standing === undefined)
    return await refused(ctx, request, { got: 'an account that is not active', user_id, client_id })
  const credential = credentialOf(standing.password_changed_at)
  const proven = { user_id, passkey_id, amr, credential, method: 'passkey' }
  const outcome = await completeLogin(ctx, request, browser, { ...destination, proven })
  if (outcome.kind !== 'overtaken') return outcome
  return await refused(ctx, request, { got: 'an account that changed meanwhile', user_id, client_id })
}

type Refusal = { got: string; user_id: string | undefined; client_id: string | undefined }

/** Writes down why, for the operator. */
const refused = async (ctx: Ctx, request: HttpRequest, { got, user_id, client_id }: Refusal): Promise<Denial> => {
  const { now } = request
  const event = { now, user_id, client_id, data: { method: 'passkey' }, ...callerOf(request) }
  await record(ctx.db, { type: 'login.failed', ...event })
  return wrongPasskey(got)
}
