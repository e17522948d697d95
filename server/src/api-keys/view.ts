/** Owns how an API key is shown: named members only, its secrets masked (security rules AD-3, AK-1). */
import { z } from 'zod'
import { instant, nextCursor } from '../http/api-route.ts'
import type { KeyRow } from './store.ts'

const named = z.object({ id: z.uuid(), name: z.string() })

/** As answers have it. */
export const keySchema = z
  .object({
    id: z.uuid(),
    owner_id: z.string(),
    name: z.string(),
    description: z.string().nullable(),
    status: z.enum(['active', 'inactive']),
    masked: z.string().describe('the key as lists show it: how it begins and ends'),
    roles: z.array(named),
    permissions: z.array(named),
    secrets: z.array(z.object({ masked: z.string(), created_at: instant, expires_at: instant.nullable() })),
    created_at: instant,
    updated_at: instant,
    expires_at: instant,
    last_used_at: instant.nullable(),
    last_used_ip: z.string().nullable(),
  })
  .meta({ id: 'ApiKey' })

/** With its secret, once. */
export const madeKeySchema = keySchema
  .extend({ key: z.string().describe('shown now and never again') })
  .meta({ id: 'ApiKeyWithSecret' })
export const keyListSchema = z.object({ api_keys: z.array(keySchema), next: nextCursor }).meta({ id: 'ApiKeyList' })

const masked = (hint: string | undefined): string => (hint === undefined ? 'kw_ak_' : `kw_ak_…${hint}`)
const text = (value: string): string => new Date(value).toISOString()

/** A key without what makes it work. */
export const keyView = (row: KeyRow): z.infer<typeof keySchema> => ({
  id: row.id,
  owner_id: row.owner_id,
  name: row.name,
  description: row.description,
  status: row.status === 'active' ? 'active' : 'inactive',
  masked: masked(row.secrets[0]?.hint),
  roles: row.roles,
  permissions: row.permissions,
  secrets: row.secrets.map(({ hint, created_at, expires_at }) => ({
    masked: masked(hint),
    created_at: text(created_at),
    expires_at: expires_at === null ? null : text(expires_at),
  })),
  created_at: row.created_at.toISOString(),
  updated_at: row.updated_at.toISOString(),
  expires_at: row.expires_at.toISOString(),
  last_used_at: row.last_used_at?.toISOString() ?? null,
  last_used_ip: row.last_used_ip,
})
