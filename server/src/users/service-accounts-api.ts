/**
 * Owns the addresses of service accounts below /api/v1; each is one operation of service-accounts.ts. Their roles and groups are
 * changed where those of people are. Start reading at `serviceAccountsApiRoutes`.
 */
import { z } from 'zod'
import { changed, done, freshly, made, matching } from '../access/answers.ts'
import { doerOf } from '../access/change.ts'
import type { Ctx } from '../ctx.ts'
import { type ApiCall, apiRoute, instant, nextCursor, pageQuery } from '../http/api-route.ts'
import { tagged } from '../http/etag.ts'
import { listPage } from '../http/listing.ts'
import type { Route } from '../http/route.ts'
import { isDenial } from '../protocol/errors.ts'
import {
  changeService,
  createService,
  listServices,
  removeService,
  type ServiceAccount,
  serviceOf,
  setServiceStatus,
} from './service-accounts.ts'

const path = '/api/v1/service-accounts'
const one = `${path}/:id`
const tag = 'Service accounts'

const text = z.string().nullable()
const schema = z
  .object({
    id: z.string(),
    username: z.string(),
    name: text,
    description: text,
    status: z.string(),
    roles: z.array(z.string()),
    permissions: z.array(z.string()),
    client_ids: z.array(z.string()).describe('the applications that act with its rights'),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'ServiceAccount' })
const listSchema = z.object({ service_accounts: z.array(schema), next: nextCursor }).meta({ id: 'ServiceAccountList' })

const view = (account: ServiceAccount): z.infer<typeof schema> => ({
  id: account.id,
  username: account.username ?? '',
  name: account.name,
  description: account.description,
  status: account.status,
  roles: account.roles,
  permissions: account.permissions,
  client_ids: account.client_ids,
  created_at: account.created_at.toISOString(),
  updated_at: account.updated_at.toISOString(),
})

const members = {
  name: z.string().max(200).nullable().optional(),
  description: z.string().max(1000).nullable().optional(),
}
const username = z
  .string()
  .max(320)
  .meta({ examples: ['reports-job'] })
const creation = z.strictObject({ username, ...members })
const change = z.strictObject({ username: username.optional(), ...members })
const question = pageQuery.extend({ q: z.string().max(320).optional().describe('the beginning of a user name') })

const list = async (ctx: Ctx, { request, query }: ApiCall<unknown, z.infer<typeof question>>) =>
  await listPage(ctx, request, {
    path,
    place: { list: 'service accounts', question: [query.q ?? ''] },
    query,
    member: 'service_accounts',
    load: async (page) => await listServices(ctx.db, { ...page, q: query.q }),
    positionOf: ({ created_at: at, id }) => ({ at, id }),
    view,
  })

const create = async (ctx: Ctx, { request, person, body }: ApiCall<z.infer<typeof creation>, unknown>) => {
  const account = await createService(ctx, body, doerOf(request, person))
  return made(ctx, path, isDenial(account) ? account : view(account))
}

const read = async (ctx: Ctx, { request, params }: ApiCall<unknown, unknown>) => {
  const account = await serviceOf(ctx, params['id'] ?? '')
  return isDenial(account) ? account : tagged(request, view(account))
}

const update = async (ctx: Ctx, { request, person, params, body }: ApiCall<z.infer<typeof change>, unknown>) => {
  const check = matching<ServiceAccount>(request, view)
  const account = await changeService(ctx, { id: params['id'] ?? '', wish: body, check }, doerOf(request, person))
  return changed(isDenial(account) ? account : view(account))
}

const setStatus =
  (status: 'active' | 'disabled') =>
  async (ctx: Ctx, { request, person, params }: ApiCall<unknown, unknown>) => {
    const account = await setServiceStatus(ctx, { id: params['id'] ?? '', status }, doerOf(request, person))
    return changed(isDenial(account) ? account : view(account))
  }

const remove = freshly(async (ctx, { doer, id }) => done(await removeService(ctx, id, doer)))

const writes = { tag, may: 'service-accounts:write', answers: { 200: schema } } as const

export const serviceAccountsApiRoutes: Route[] = [
  apiRoute({
    method: 'GET',
    path,
    tag,
    may: 'service-accounts:read',
    summary: 'List service accounts, oldest first',
    query: question,
    answers: { 200: listSchema },
    handler: list,
  }),
  apiRoute({
    ...writes,
    method: 'POST',
    path,
    summary: 'Create a service account',
    body: creation,
    creates: true,
    answers: { 201: schema },
    refuses: [409, 422],
    handler: create,
  }),
  apiRoute({
    method: 'GET',
    path: one,
    tag,
    may: 'service-accounts:read',
    summary: 'Read a service account',
    answers: { 200: schema },
    refuses: [404],
    handler: read,
  }),
  apiRoute({
    ...writes,
    method: 'PATCH',
    path: one,
    summary: 'Change what a service account says',
    body: change,
    refuses: [404, 409, 412, 422],
    handler: update,
  }),
  apiRoute({
    ...writes,
    method: 'POST',
    path: `${one}/disable`,
    summary: 'Switch a service account off',
    refuses: [404],
    handler: setStatus('disabled'),
  }),
  apiRoute({
    ...writes,
    method: 'POST',
    path: `${one}/enable`,
    summary: 'Switch a service account on',
    refuses: [404],
    handler: setStatus('active'),
  }),
  apiRoute({
    ...writes,
    method: 'DELETE',
    path: one,
    summary: 'Delete a service account with its API keys',
    answers: { 204: 'empty' },
    refuses: [404],
    handler: remove,
  }),
]
