/** Owns how endpoints and deliveries are shown: named members only, secrets once (security rule AD-3). */
import { z } from 'zod'
import { instant, nextCursor } from '../http/api-route.ts'
import type { Attempt, Delivery } from './delivery-store.ts'
import type { Webhook } from './store.ts'

export const webhookSchema = z
  .object({
    id: z.uuid(),
    name: z.string(),
    description: z.string().nullable(),
    url: z.string(),
    events: z.array(z.string()),
    client_id: z.string().nullable().describe('events of this application alone'),
    status: z.enum(['active', 'paused']),
    paused_because: z.enum(['gone', 'failing', 'asked']).nullable(),
    failing_since: instant.nullable(),
    last_success_at: instant.nullable(),
    created_at: instant,
    updated_at: instant,
  })
  .meta({ id: 'Webhook' })

/** With its secret, once. */
export const madeWebhookSchema = webhookSchema
  .extend({ secret: z.string().describe('signs messages (Standard Webhooks); shown now and never again') })
  .meta({ id: 'WebhookWithSecret' })
export const webhookListSchema = z
  .object({ webhooks: z.array(webhookSchema), next: nextCursor })
  .meta({ id: 'WebhookList' })

const attempt = z.object({ at: instant, status: z.int().nullable(), error: z.string().nullable(), ms: z.int() })

export const deliverySchema = z
  .object({
    id: z.string().describe('the webhook-id of the message'),
    webhook_id: z.uuid(),
    event_id: z.uuid().nullable(),
    type: z.string(),
    status: z.enum(['waiting', 'delivered', 'failed']),
    attempts: z.int(),
    log: z.array(attempt).describe('the last attempts, newest first'),
    next_attempt_at: instant.nullable(),
    created_at: instant,
    finished_at: instant.nullable(),
  })
  .meta({ id: 'WebhookDelivery' })
export const deliveryListSchema = z
  .object({ deliveries: z.array(deliverySchema), next: nextCursor })
  .meta({ id: 'WebhookDeliveryList' })
export const wholeDeliverySchema = deliverySchema
  .extend({ payload: z.record(z.string(), z.unknown()) })
  .meta({ id: 'WebhookDeliveryWithPayload' })

export const webhookView = (row: Webhook): z.infer<typeof webhookSchema> => ({
  id: row.id,
  name: row.name,
  description: row.description,
  url: row.url,
  events: row.events,
  client_id: row.client_id,
  status: row.status === 'active' ? 'active' : 'paused',
  paused_because: row.paused_because as 'gone' | 'failing' | 'asked' | null,
  failing_since: row.failing_since?.toISOString() ?? null,
  last_success_at: row.last_success_at?.toISOString() ?? null,
  created_at: row.created_at.toISOString(),
  updated_at: row.updated_at.toISOString(),
})

export const deliveryView = (row: Delivery): z.infer<typeof deliverySchema> => ({
  id: `msg_${row.id}`,
  webhook_id: row.webhook_id,
  event_id: row.event_id,
  type: row.type,
  status: row.status as 'waiting' | 'delivered' | 'failed',
  attempts: row.attempts,
  log: row.log as Attempt[],
  next_attempt_at: row.status === 'waiting' ? row.due_at.toISOString() : null,
  created_at: row.created_at.toISOString(),
  finished_at: row.finished_at?.toISOString() ?? null,
})
