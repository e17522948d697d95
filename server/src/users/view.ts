/** Owns how a person is shown to themselves by the API: named members only, never a secret (security rule AD-3). */
import { z } from 'zod'
import { instant } from '../http/api-route.ts'
import type { Subject } from '../protocol/claims.ts'
import { addressParts, profileOf, textClaims } from './profile.ts'

const text = z.string().nullable()

/** What an account can be. */
export const accountStatus = z.enum(['active', 'disabled', 'locked', 'pending_erasure'])

/** The same schema under each of these names. */
export const each = <K extends string, S>(names: readonly K[], schema: S): Record<K, S> =>
  Object.fromEntries(names.map((name) => [name, schema])) as Record<K, S>

/** As answers have it. */
export const personSchema = z
  .object({
    id: z.string(),
    status: accountStatus,
    username: text,
    email: text,
    email_verified: z.boolean(),
    ...each(textClaims, text),
    address: z.object(each(addressParts, z.string().optional())).nullable(),
    phone_number: text,
    phone_number_verified: z.boolean(),
    roles: z.array(z.string()),
    permissions: z.array(z.string()),
    updated_at: instant,
  })
  .meta({ id: 'Person' })

/** A person as they see themselves. */
export const personView = (subject: Subject) => {
  const { id, status, username, email, email_verified, phone_number, phone_number_verified, roles, permissions } =
    subject
  return {
    id,
    status,
    username,
    email,
    email_verified,
    ...profileOf(subject),
    phone_number,
    phone_number_verified,
    roles,
    permissions,
    updated_at: subject.updated_at.toISOString(),
  }
}
