/**
 * Owns a few addresses that do nothing but show who gets through: each names the kinds of proof and the rights that it wants,
 * in the way in which every route does. For trying a token or a key, and for reading how it is done.
 */
import { z } from 'zod'
import type { Ctx } from '../ctx.ts'
import { type ApiCall, type ApiRoute, apiRoute } from '../http/api-route.ts'
import type { Proof } from '../http/principal.ts'
import { json, type Reply } from '../http/reply.ts'
import { type Route, route } from '../http/route.ts'
import { type Denial, deny } from '../protocol/errors.ts'

const base = '/api/v1/examples'
const tag = 'Examples'

const publicSchema = z.object({ message: z.string() }).meta({ id: 'ExamplePublic' })
const exampleSchema = z
  .object({
    message: z.string(),
    auth_type: z.enum(['JWT', 'API_KEY']),
    user_id: z.string(),
    email: z.string().nullable(),
  })
  .meta({ id: 'Example' })

const programs: readonly Proof[] = ['token', 'api_key']

type Example = { name: string; summary: string; message: string; role?: string } & Pick<
  ApiRoute<unknown, unknown>,
  'may' | 'keys' | 'proofs'
>

const examples: readonly Example[] = [
  {
    name: 'jwt-only',
    summary: 'Takes an access token, and no API key',
    message: 'You showed an access token.',
    may: 'self',
    proofs: ['token'],
  },
  {
    name: 'apikey-only',
    summary: 'Takes an API key, and no access token',
    message: 'You showed an API key.',
    may: 'self',
    keys: true,
    proofs: ['api_key'],
  },
  {
    name: 'either-auth',
    summary: 'Takes an access token or an API key',
    message: 'You showed an access token or an API key.',
    may: 'self',
    keys: true,
    proofs: programs,
  },
  {
    name: 'admin-only',
    summary: 'Wants the role admin',
    message: 'You are an administrator.',
    may: 'self',
    keys: true,
    proofs: programs,
    role: 'admin',
  },
  {
    name: 'read-users-permission',
    summary: 'Wants the permission users:read',
    message: 'You may read users.',
    may: 'users:read',
    proofs: programs,
  },
  {
    name: 'write-users-permission',
    summary: 'Wants the permission users:write',
    message: 'You may write users.',
    may: 'users:write',
    proofs: programs,
  },
]

const answer =
  ({ message, role }: Example) =>
  async (_ctx: Ctx, { person }: ApiCall<unknown, unknown>): Promise<Reply | Denial> => {
    const { subject, proof } = person
    if (role !== undefined && !subject.roles.includes(role)) return roleless(role, subject.roles)
    const auth_type = proof === 'api_key' ? 'API_KEY' : 'JWT'
    return await Promise.resolve(json({ message, auth_type, user_id: subject.id, email: subject.email }))
  }

/** RFC 9110 §15.5.4: who it is, is known; it is not enough. */
const roleless = (role: string, held: readonly string[]): Denial =>
  deny(
    'permission_denied',
    'Your roles do not allow this.',
    { rule: 'the caller holds the role of the route (AD-1)', expected: role, got: held.join(' ') || 'no role' },
    { status: 403 },
  )

export const exampleRoutes: Route[] = [
  route({
    method: 'GET',
    path: `${base}/public`,
    auth: 'none',
    errors: 'problem',
    summary: 'Takes everybody',
    api: { tag, answers: { 200: publicSchema } },
    handler: () => json({ message: 'Everybody may see this.' }),
  }),
  ...examples.map((example) => {
    const { name, message: _message, role: _role, ...facts } = example
    return apiRoute({
      ...facts,
      method: 'GET',
      path: `${base}/${name}`,
      tag,
      answers: { 200: exampleSchema },
      handler: answer(example),
    })
  }),
]
