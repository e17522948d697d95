/** Owns the addresses at which administrators see what tokens would say of somebody. */
import { z } from 'zod'
import type { Ctx } from '../ctx.ts'
import { type ApiCall, apiRoute } from '../http/api-route.ts'
import { json, type Reply } from '../http/reply.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { type Preview, preview } from './preview.ts'

const common = {
  user_id: z
    .string()
    .max(255)
    .optional()
    .describe('whom the tokens are for; without one the application acts for itself'),
  scope: z.string().max(10_000).default('openid'),
}
const ofApplication = z.strictObject({ ...common, resource: z.array(z.string().max(2000)).max(50).default([]) })
const ofApi = z.strictObject({ ...common, client_id: z.string().max(2000) })

const claims = z.record(z.string(), z.unknown())
const sized = { claims, bytes: z.int(), budget_bytes: z.int() }
const previewSchema = z
  .object({
    access_token: z.object({ ...sized, format: z.enum(['jwt', 'opaque']), expires_in: z.int(), alg: z.string() }),
    id_token: z.object(sized).nullable(),
    userinfo: claims.nullable(),
    warnings: z.array(z.string()),
  })
  .meta({ id: 'TokenPreview' })

type Wanted = { client_id: string; user_id?: string | undefined; scope: string; resource: string[] }

const show = async (ctx: Ctx, call: ApiCall<unknown, unknown>, wanted: Wanted): Promise<Reply | Denial> => {
  const { request, person } = call
  if (!person.subject.permissions.includes('users:read')) return lacking
  const { user_id, scope, resource: resources } = wanted
  const client = wanted.client_id.includes('\0') ? undefined : await ctx.clients.get(wanted.client_id)
  if (client === undefined) return noSuch('application')
  const subject = user_id === undefined || user_id.includes('\0') ? undefined : await ctx.subjects.get(user_id)
  if (user_id !== undefined && subject === undefined) return noSuch('account')
  const shown = await preview(ctx, { client, subject, scope, resources, now: request.now })
  return isDenial(shown) ? shown : json(shown satisfies Preview)
}

const showForApi = async (ctx: Ctx, call: ApiCall<z.infer<typeof ofApi>, unknown>): Promise<Reply | Denial> => {
  if (!call.person.subject.permissions.includes('applications:read')) return lacking
  const { byIdentifier } = await ctx.apis.all()
  const api = [...byIdentifier.values()].find(({ id }) => id === call.params['id'])
  return api === undefined ? noSuch('API') : await show(ctx, call, { ...call.body, resource: [api.identifier] })
}

const noSuch = (what: string): Denial =>
  deny(
    'not_found',
    `There is no such ${what}.`,
    { rule: `the ${what} exists`, expected: `an id of this deployment`, got: 'another one' },
    { status: 404 },
  )

const lacking: Denial = deny(
  'permission_denied',
  'Your roles do not allow this.',
  {
    rule: 'a preview shows what is known of somebody, for some application (AD-1)',
    expected: 'users:read and applications:read',
    got: 'one of them at most',
  },
  { status: 403 },
)

export const previewRoutes = [
  apiRoute({
    method: 'POST',
    path: '/api/v1/applications/:id/preview',
    tag: 'Applications',
    may: 'applications:read',
    summary: 'What the tokens of an application would say of somebody; needs users:read too. Nothing is issued',
    body: ofApplication,
    answers: { 200: previewSchema },
    refuses: [404],
    handler: async (ctx, call) => await show(ctx, call, { ...call.body, client_id: call.params['id'] ?? '' }),
  }),
  apiRoute({
    method: 'POST',
    path: '/api/v1/resources/:id/preview',
    tag: 'APIs',
    may: 'resources:read',
    summary: 'What a token for an API would say of somebody; needs users:read and applications:read too',
    body: ofApi,
    answers: { 200: previewSchema },
    refuses: [404],
    handler: showForApi,
  }),
]
