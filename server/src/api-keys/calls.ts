/** Owns what calls about API keys have in common: what they read, who acts, and how a key is answered. */
import { z } from 'zod'
import type { Ctx } from '../ctx.ts'
import { callerOf } from '../events/record.ts'
import { instant } from '../http/api-route.ts'
import { etagOf } from '../http/etag.ts'
import type { PersonPrincipal } from '../http/principal.ts'
import { json, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import type { KeyActor, MadeKey } from './manage.ts'
import { keyView } from './view.ts'

const path = '/api/v1/api-keys'
const day = 86_400

export const ids = z.array(z.uuid()).max(100)
export const creation = z.strictObject({
  name: z
    .string()
    .max(100)
    .meta({ examples: ['nightly report'] }),
  description: z.string().max(1000).optional(),
  expires_at: instant.optional().describe('90 days from now when nothing is said'),
  role_ids: ids.optional(),
  permission_ids: ids.optional(),
})
export const rotation = z.strictObject({
  overlap_seconds: z
    .int()
    .min(0)
    .max(30 * day)
    .default(day)
    .describe('how long the former secret still works'),
})
export const actorOf = (request: HttpRequest, person: PersonPrincipal): KeyActor => ({
  by: { actor_id: person.subject.id, ...callerOf(request) },
  giver: person.subject,
  request,
  now: request.now,
})

/** A key of the wish of a body, for the owner whom the route knows. */
export const wishOf = (
  { expires_at, role_ids = [], permission_ids = [], ...names }: z.infer<typeof creation>,
  owner_id: string,
) => ({
  ...names,
  owner_id,
  ...(expires_at !== undefined && { expires_at: new Date(expires_at) }),
  rights: { by: 'id' as const, roles: role_ids, permissions: permission_ids },
})

export const made = (ctx: Ctx, result: MadeKey | Denial): Reply | Denial => {
  if (isDenial(result)) return result
  const view = keyView(result.row)
  const headers = { location: `${ctx.config.issuer}${path}/${view.id}`, etag: etagOf(view) }
  return json({ ...view, key: result.key }, 201, { headers })
}
