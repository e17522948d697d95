/** Owns how an API is shown, and what a body may say about one. */
import { z } from 'zod'
import { signingAlgs } from '../config/schema.ts'
import type { Ctx } from '../ctx.ts'
import { instant, nextCursor } from '../http/api-route.ts'
import { ruleSchema } from '../clients/application-view.ts'
import type { ApiWithPermissions } from './store.ts'

const permissionSchema = z.object({ id: z.uuid(), name: z.string(), description: z.string().nullable() })
const tokenRoles = z.enum(['all', 'own', 'none'])

/** As answers have it. */
export const apiSchema = z
  .object({
    id: z.uuid(),
    identifier: z.string().describe('the resource indicator that tokens are asked for with, and their audience'),
    builtin: z.boolean().describe('this server’s own API'),
    name: z.string(),
    description: z.string().nullable(),
    owner_id: z.string().nullable(),
    open: z.boolean().describe('everybody may register applications that ask for its tokens'),
    access_token_ttl_seconds: z.int().nullable(),
    access_token_format: z.enum(['jwt', 'opaque']).nullable(),
    access_token_signed_response_alg: z.enum(signingAlgs).nullable(),
    token_roles: tokenRoles.describe('roles that its tokens name: all, those with a permission of its own, none'),
    token_budget_bytes: z.int().nullable(),
    claim_mapping: z.array(ruleSchema),
    permissions: z.array(permissionSchema),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'Api' })
export const apiListSchema = z.object({ resources: z.array(apiSchema), next: nextCursor }).meta({ id: 'ApiList' })

export type ApiView = z.infer<typeof apiSchema>

export const apiView = (ctx: Pick<Ctx, 'config'>, row: ApiWithPermissions): ApiView => ({
  id: row.id,
  identifier: row.identifier ?? `${ctx.config.issuer}/api/v1`,
  builtin: row.builtin,
  name: row.name,
  description: row.description,
  owner_id: row.owner_id,
  open: row.open,
  access_token_ttl_seconds: row.access_token_ttl_seconds,
  access_token_format: row.access_token_format as ApiView['access_token_format'],
  access_token_signed_response_alg: row.access_token_signed_response_alg as ApiView['access_token_signed_response_alg'],
  token_roles: row.token_roles as ApiView['token_roles'],
  token_budget_bytes: row.token_budget_bytes,
  claim_mapping: row.claim_mapping as ApiView['claim_mapping'],
  permissions: row.permissions,
  created_at: row.created_at.toISOString(),
  updated_at: row.updated_at.toISOString(),
})

const members = {
  name: z.string().min(1).max(100),
  description: z.string().max(2000).nullable(),
  owner_id: z.string().max(255).nullable().describe('needs resources:write'),
  open: z.boolean(),
  access_token_ttl_seconds: z.int().min(30).max(3600).nullable(),
  access_token_format: z.enum(['jwt', 'opaque']).nullable(),
  access_token_signed_response_alg: z.enum(signingAlgs).nullable(),
  token_roles: tokenRoles,
  token_budget_bytes: z.int().min(512).max(65_536).nullable(),
  claim_mapping: z.array(ruleSchema).max(50),
}

/** `read` alone is no permission: it says what may be read, such as `reports:read`. */
export const permissionBody = z.strictObject({
  name: z
    .string()
    .max(101)
    .describe('resource:action')
    .meta({ examples: ['invoices:read'] }),
  description: z.string().max(1000).nullable().optional(),
})

export const apiChange = z.strictObject(z.object(members).partial().shape)
export const apiCreation = z.strictObject({
  ...apiChange.shape,
  identifier: z
    .string()
    .max(2000)
    .meta({ examples: ['https://invoices.example.com'] }),
  name: members.name,
  permissions: z.array(permissionBody).max(200).optional(),
})

export type ApiChange = z.infer<typeof apiChange>
export type ApiCreation = z.infer<typeof apiCreation>
