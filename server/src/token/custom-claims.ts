/** Owns the claims that rules of APIs and applications add (protocol/claim-mapping.ts): loads what the rules read, and no more. */
import { groupNamesOf } from '../access/group-names.ts'
import type { Ctx } from '../ctx.ts'
import { mapClaims, type MappingFacts, type MappingRule, readsOf, type Target } from '../protocol/claim-mapping.ts'

type Whom = { client: MappingFacts['client']; user_id: string | undefined }

/** Undefined where there are no rules, as nearly everywhere. */
export const customClaims = async (
  ctx: Ctx,
  rules: readonly MappingRule[],
  into: Target,
  { client, user_id }: Whom,
): Promise<Record<string, unknown> | undefined> => {
  if (rules.length === 0) return undefined
  const reads = readsOf(rules, into)
  const isRead = reads.user || reads.groups
  const user = user_id === undefined || !isRead ? undefined : await ctx.subjects.get(user_id)
  const groups = user !== undefined && reads.groups ? await groupNamesOf(ctx.db, user.id) : []
  return mapClaims(rules, into, { user, client, groups })
}
