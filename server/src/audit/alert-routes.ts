/** Owns the addresses of alert rules below /api/v1. Start reading at `alertRoutes`. */
import { z } from 'zod'
import type { Ctx } from '../ctx.ts'
import { callerOf } from '../events/record.ts'
import { type ApiCall, apiRoute, instant, nextCursor, pageQuery } from '../http/api-route.ts'
import { checkMatch, etagOf } from '../http/etag.ts'
import { listPage } from '../http/listing.ts'
import { empty, json, type Reply } from '../http/reply.ts'
import type { Route } from '../http/route.ts'
import { isUuid } from '../io/ids.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { type AlertRule, changeRule, createRule, listRules, loadRule, noSuchRule, removeRule } from './alert-rules.ts'
import type { RuleActor } from './alert-rules.ts'

const path = '/api/v1/alert-rules'
const tag = 'Audit'

/** PostgreSQL text holds no NUL, and a subject of a mail no line break. */
const text = z.string().regex(/^[^\u0000-\u001f\u007f]+$/)
const members = {
  name: text.max(100),
  description: text.max(1000).nullable().optional(),
  enabled: z.boolean().optional(),
  event_types: z
    .array(text.max(100))
    .min(1)
    .max(50)
    .describe('types of the catalogue, or `user.*`')
    .meta({ examples: [['login.failed']] }),
  matches: z
    .array(z.record(text.max(50), z.union([text.max(200), z.array(text.max(200)).max(10)])))
    .min(1)
    .max(10)
    .nullable()
    .optional()
    .describe('alternatives of what the details of an event must hold'),
  threshold: z.int().min(1).max(1_000_000),
  window_seconds: z
    .int()
    .min(10)
    .max(7 * 86_400)
    .meta({ examples: [300] }),
  client_id: text.max(300).nullable().optional().describe('only events of this application'),
  mail_to: z.array(text.max(320)).max(20).optional().describe('nobody: every administrator with a proved address'),
  webhook_id: z.uuid().nullable().optional(),
}
const creation = z.strictObject(members)
const change = z.strictObject(members).partial()

const ruleSchema = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string().nullable(),
  enabled: z.boolean(),
  event_types: z.array(z.string()),
  matches: z.array(z.record(z.string(), z.union([z.string(), z.array(z.string())]))).nullable(),
  threshold: z.int(),
  window_seconds: z.int(),
  client_id: z.string().nullable(),
  mail_to: z.array(z.string()),
  webhook_id: z.string().nullable(),
  raised_at: instant.nullable(),
  created_at: instant,
  updated_at: instant,
})

const viewOf = (rule: AlertRule) => ({
  id: rule.id,
  name: rule.name,
  description: rule.description,
  enabled: rule.enabled,
  event_types: rule.event_types,
  matches: rule.matches,
  threshold: rule.threshold,
  window_seconds: rule.window_seconds,
  client_id: rule.client_id,
  mail_to: rule.mail_to,
  webhook_id: rule.webhook_id,
  raised_at: rule.raised_at?.toISOString() ?? null,
  created_at: rule.created_at.toISOString(),
  updated_at: rule.updated_at.toISOString(),
})

/** When it last raised an alert is no part of what somebody changes. */
const changeable = (rule: AlertRule) => ({ ...viewOf(rule), raised_at: null })

const actorOf = ({ request, person }: Pick<ApiCall<unknown, unknown>, 'request' | 'person'>): RuleActor => ({
  by: { actor_id: person.subject.id, ...callerOf(request) },
  now: request.now,
  check: (rule) => checkMatch(request, changeable(rule)),
})

const found = (rule: AlertRule | Denial, status = 200): Reply | Denial => {
  if (isDenial(rule)) return rule
  return json(viewOf(rule), status, { headers: { etag: etagOf(changeable(rule)) } })
}

const list = async (ctx: Ctx, { request, query }: ApiCall<unknown, z.infer<typeof pageQuery>>) =>
  await listPage(ctx, request, {
    path,
    place: { list: 'alert-rules' },
    query,
    member: 'alert_rules',
    load: async (page) => await listRules(ctx.db, page),
    positionOf: ({ created_at, id }) => ({ at: created_at, id }),
    view: viewOf,
  })

const idOf = ({ params }: Pick<ApiCall<unknown, unknown>, 'params'>): string | undefined =>
  isUuid(params['id'] ?? '') ? params['id'] : undefined

const read = async (ctx: Ctx, call: ApiCall<unknown, unknown>): Promise<Reply | Denial> => {
  const id = idOf(call)
  return found((id && (await loadRule(ctx.db, id))) || noSuchRule)
}

const create = async (ctx: Ctx, call: ApiCall<z.infer<typeof creation>, unknown>): Promise<Reply | Denial> =>
  found(await createRule(ctx, call.body, actorOf(call)), 201)

const update = async (ctx: Ctx, call: ApiCall<z.infer<typeof change>, unknown>): Promise<Reply | Denial> => {
  const id = idOf(call)
  return id === undefined ? noSuchRule : found(await changeRule(ctx, { id, change: call.body }, actorOf(call)))
}

const remove = async (ctx: Ctx, call: ApiCall<unknown, unknown>): Promise<Reply | Denial> => {
  const id = idOf(call)
  return id === undefined ? noSuchRule : ((await removeRule(ctx, id, actorOf(call))) ?? empty(204))
}

const one = `${path}/:id`

export const alertRoutes: readonly Route[] = [
  apiRoute({
    method: 'GET',
    path,
    tag,
    summary: 'List alert rules, newest first',
    may: 'settings:read',
    query: pageQuery,
    answers: { 200: z.object({ alert_rules: z.array(ruleSchema), next: nextCursor }) },
    handler: list,
  }),
  apiRoute({
    method: 'POST',
    path,
    tag,
    summary: 'Make an alert rule',
    may: 'settings:write',
    body: creation,
    answers: { 201: ruleSchema },
    refuses: [409, 422],
    creates: true,
    handler: create,
  }),
  apiRoute({
    method: 'GET',
    path: one,
    tag,
    summary: 'Read an alert rule',
    may: 'settings:read',
    answers: { 200: ruleSchema },
    refuses: [404],
    handler: read,
  }),
  apiRoute({
    method: 'PATCH',
    path: one,
    tag,
    summary: 'Change an alert rule',
    may: 'settings:write',
    body: change,
    answers: { 200: ruleSchema },
    refuses: [404, 409, 412, 422],
    handler: update,
  }),
  apiRoute({
    method: 'DELETE',
    path: one,
    tag,
    summary: 'Delete an alert rule',
    may: 'settings:write',
    answers: { 204: 'empty' },
    refuses: [404, 412],
    handler: remove,
  }),
]
