/** Owns how the API shows an account to administrators: named members only, never a secret (security rule AD-3). */
import { z } from 'zod'
import type { Ctx } from '../ctx.ts'
import { instant } from '../http/api-route.ts'
import type { Subject } from '../protocol/claims.ts'
import type { Listed } from './search.ts'
import { loadDetails } from './store.ts'
import { accountStatus } from './view.ts'

const text = z.string().nullable()
const texts = z.array(z.string())
const facts = {
  id: z.string(),
  status: accountStatus,
  username: text,
  email: text,
  email_verified: z.boolean(),
  name: text,
  roles: texts,
  required_actions: texts,
}

/** As lists have it. */
export const listedSchema = z
  .object({ ...facts, created_at: instant, updated_at: instant })
  .meta({ id: 'ListedAccount' })

/** As answers about one account have it. */
export const adminSchema = z
  .object({
    ...facts,
    given_name: text,
    family_name: text,
    picture: text,
    locale: text,
    zoneinfo: text,
    phone_number: text,
    phone_number_verified: z.boolean(),
    claims: z.record(z.string(), z.unknown()),
    permissions: texts,
    factors: texts.describe('kinds of second steps that are set up'),
    erase_after: instant.nullable(),
    created_at: instant.nullable(),
    updated_at: instant,
  })
  .meta({ id: 'Account' })

/** An account in a list. */
export const listedView = (user: Listed) => ({
  ...user,
  created_at: user.created_at.toISOString(),
  updated_at: user.updated_at.toISOString(),
})

/** An account with everything that administrators see. */
export const adminView = async (ctx: Ctx, subject: Subject) => {
  const { role_acr: _role_acr, updated_at, ...plain } = subject
  const details = await loadDetails(ctx.db, subject.id)
  return {
    ...plain,
    required_actions: details?.required_actions ?? [],
    factors: details?.factor_kinds ?? [],
    erase_after: details?.erase_after?.toISOString() ?? null,
    created_at: details?.created_at.toISOString() ?? null,
    updated_at: updated_at.toISOString(),
  }
}
