/** Owns the first sign-in: whoever has just proved the address of a new account goes on into it. */
import { resume } from '../authorize/interaction.ts'
import type { Ctx } from '../ctx.ts'
import type { BrowserPrincipal } from '../http/principal.ts'
import type { HttpRequest } from '../http/request.ts'
import { completeLogin, type Outcome } from '../login/complete.ts'
import type { MailAccount } from '../users/mailbox.ts'

export type FirstSignIn = { account: MailAccount; method: 'registration' | 'invitation'; interaction_id: string | null }

/**
 * Signs the person in. They know the password, since they have chosen it, and their address is proved: which allows to enrol
 * a second step where one is demanded, and is none itself (security rule MF-1).
 */
export const signInFirst = async (
  ctx: Ctx,
  request: HttpRequest,
  browser: BrowserPrincipal,
  { account, method, interaction_id }: FirstSignIn,
): Promise<Outcome> => {
  const { id: user_id, credential, email_canonical } = account
  const proven = { user_id, method, amr: ['pwd'], credential, address: email_canonical ?? '' }
  // The account may have been another's until now (SO-2): its sessions have ended, on every node.
  ctx.sessions.clear()
  await ctx.feed.announce()
  const interaction = await resume(ctx, request, browser, interaction_id ?? undefined)
  return await completeLogin(ctx, request, browser, { proven, interaction })
}
