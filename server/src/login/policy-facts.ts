/** Owns the loading of what the policy decides on (factors/policy.ts). Decides nothing. */
import type { Interaction } from '../authorize/interaction.ts'
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { deviceCookie, isTrusted } from '../devices/remember.ts'
import { type FactorKind, factorKinds, type PolicyFacts, type RequiredAction } from '../factors/policy.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Acr, demandedAcr, satisfies, strongest } from '../protocol/acr.ts'
import type { Standing } from '../users/credentials.ts'
import type { SignInRow } from './sign-in-store.ts'

export type LoadFacts = {
  request: HttpRequest
  row: SignInRow
  standing: Standing
  interaction: Interaction | undefined
}

/** The facts of a sign-in as it stands in this transaction. */
export const policyFacts = async (ctx: Ctx, tx: Tx, facts: LoadFacts): Promise<PolicyFacts> => {
  const { request, row, standing, interaction } = facts
  const kinds = factorKinds.filter((kind) => standing.factor_kinds.includes(kind) && isAllowed(ctx, kind))
  const policy = strongest([ctx.config.acr, standing.role_acr])
  const two_step = kinds.some((kind) => kind === 'totp' || kind === 'sms' || kind === 'email')
  const device = { cookie: deviceCookie(ctx, request), now: request.now }
  return {
    amr: row.amr,
    demanded: await demandOf(ctx, interaction),
    policy,
    kinds,
    two_step,
    // Asked only where a second step is due at all. Within a session only a proof counts: what stood in for one when it
    // began is written in it, and a step-up that trusted the device anew would lead nowhere.
    trusted_device:
      row.method !== 'session' &&
      (two_step || !satisfies('aal1', policy)) &&
      (await isTrusted(tx, row.user_id, device)),
    mailed: row.mailed_at !== null,
    can_mail: standing.email !== null && standing.email_verified,
    actions: standing.required_actions as RequiredAction[],
  }
}

/** Kinds that the operator has switched off prove nothing, even where somebody still has them. */
const isAllowed = (ctx: Ctx, kind: FactorKind): boolean =>
  kind === 'password' || kind === 'backup_code' || ctx.config.factors.includes(kind)

/** What the application of an interaction asks for: the request, else its client. */
const demandOf = async (ctx: Ctx, interaction: Interaction | undefined): Promise<Acr | undefined> => {
  if (interaction === undefined) return undefined
  const client = await ctx.clients.get(interaction.client_id)
  return demandedAcr(interaction.request.acr_values?.split(' ') ?? [], client?.default_acr_values ?? [])
}
