/** Owns the loading of what the policy decides on (factors/policy.ts). Decides nothing. */
import type { Interaction } from '../authorize/interaction.ts'
import { clientWithin } from '../clients/load.ts'
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { deviceCookie, isTrusted } from '../devices/remember.ts'
import { allowedKinds } from '../factors/allowed.ts'
import type { FactorKind, PolicyFacts, RequiredAction } from '../factors/policy.ts'
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
  const kinds = allowedKinds(ctx, standing.factor_kinds)
  const policy = strongest([ctx.config.acr, standing.role_acr])
  const two_step = kinds.some((kind) => kind === 'totp' || kind === 'sms' || kind === 'email')
  // Asked only where a second step is due at all.
  const asksTrust = mayTrust(row) && (two_step || !satisfies('aal1', policy))
  const device = { cookie: deviceCookie(ctx, request), now: request.now }
  return {
    amr: row.amr,
    demanded: await demandOf(ctx, tx, interaction),
    policy,
    kinds,
    two_step,
    trusted_device: asksTrust && (await isTrusted(tx, row.user_id, device)),
    mailed: row.mailed_at !== null,
    can_mail: standing.email !== null && standing.email_verified,
    actions: (standing.required_actions as RequiredAction[]).filter((action) => !isDone(action, kinds)),
    leaving: standing.status === 'pending_erasure',
  }
}

/** Whoever has a second step has set one up, however that came. */
const isDone = (action: RequiredAction, kinds: readonly FactorKind[]): boolean =>
  action === 'enrol_factor' && kinds.some((kind) => kind !== 'password' && kind !== 'backup_code')

/**
 * Security rule MF-4: a trusted device spares the second step where somebody goes to an application. It proves nothing, so it
 * counts neither for the pages on which an account is changed (LI-4) nor for a step-up.
 */
const mayTrust = ({ method, return_to }: SignInRow): boolean => method !== 'session' && return_to === null

/** What the application of an interaction asks for: the request, else its client. */
const demandOf = async (ctx: Ctx, tx: Tx, interaction: Interaction | undefined): Promise<Acr | undefined> => {
  if (interaction === undefined) return undefined
  const client = await clientWithin(ctx.clients, tx, interaction.client_id)
  return demandedAcr(interaction.request.acr_values?.split(' ') ?? [], client?.default_acr_values ?? [])
}
