/**
 * Owns a sign-in that is under way: one row, bound to the browser in which its first step was proved, for ten minutes.
 * Never decides what comes next (factors/policy.ts does).
 */
import type { Ctx } from '../ctx.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import type { HttpRequest } from '../http/request.ts'
import { isUuid, uuidv7 } from '../io/ids.ts'
import { sameBytes } from '../io/secrets.ts'
import { hashToken } from '../protocol/opaque-token.ts'
import { findSignIn, type SignInRow } from './sign-in-store.ts'

export type { SignInRow } from './sign-in-store.ts'

/** What a first step has proved. `amr` are RFC 8176 values; `credential` names the password as it was then (users/credentials.ts). */
export type Proven = {
  user_id: string
  method: string
  amr: string[]
  credential: string
  /** The passkey that proved it; the proof stands as long as it is there. */
  passkey_id?: string
  /** The address that was proved to be the person's; the proof stands as long as it is the account's. */
  address?: string
}

const lifeMs = 600_000

/** The row of a sign-in whose first step was proved just now. */
export const newSignIn = (
  request: HttpRequest,
  browser: BrowserPrincipal,
  facts: { proven: Proven; interaction_id: string | undefined; return_to: string | undefined },
): SignInRow => {
  const { now } = request
  const { user_id, method, amr, credential } = facts.proven
  return {
    id: uuidv7(now),
    browser_hash: hashToken(browser.browser),
    user_id,
    interaction_id: facts.interaction_id ?? null,
    return_to: facts.return_to ?? null,
    method,
    amr,
    credential,
    passkey_id: facts.proven.passkey_id ?? null,
    proved_at: now,
    factor_at: null,
    mailed_at: facts.proven.address === undefined ? null : now,
    trust_device: false,
    failures: 0,
    created_at: now,
    expires_at: new Date(now.getTime() + lifeMs),
    completed_at: null,
  }
}

/**
 * The sign-in that a page names, if it began in this browser (security rule AZ-12) and is still open. The first proof of a
 * step-up is the session, so it ends with that.
 */
export const findOwnSignIn = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  id: string | undefined,
): Promise<SignInRow | undefined> => {
  const row = id !== undefined && isUuid(id) ? await findSignIn(ctx.db, id, request.now) : undefined
  if (row === undefined || !sameBytes(row.browser_hash, hashToken(browser.browser))) return undefined
  return row.method === 'session' && browser.session?.user_id !== row.user_id ? undefined : row
}
