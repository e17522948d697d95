/** Owns how second steps look in the API: named members only (security rule AD-3). Calls: factors-api.ts. */
import { z } from 'zod'
import { instant } from '../http/api-route.ts'

export const factorSchema = z
  .object({
    kind: z.enum(['totp', 'sms', 'email']),
    id: z.string(),
    name: z.string().describe('as its owner calls it, or the number or address where codes go'),
    created_at: instant,
    last_used_at: instant.nullable(),
  })
  .meta({ id: 'Factor' })
export const listSchema = z.object({
  factors: z.array(factorSchema),
  backup_codes: z.object({ left: z.int(), created_at: instant.nullable() }),
})

/** What an app is told once. */
export const pendingSchema = z.object({
  status: z.literal('pending'),
  kind: z.literal('totp'),
  id: z.string(),
  secret: z.string().describe('shown now and never again'),
  otpauth_uri: z.string(),
})
export const sentSchema = z.object({
  status: z.literal('code_sent'),
  kind: z.enum(['sms', 'email']),
  destination: z.string().nullable(),
})
