/** Owns how an event looks to whoever searches the trail: named members only (security rule AD-3). */
import { z } from 'zod'
import { instant } from '../http/api-route.ts'
import type { FoundEvent } from './search.ts'

const text = z.string().nullable()

/** An event. `seq`: its place in the trail, null for a moment after it has happened. */
export const eventSchema = z.object({
  id: z.string(),
  seq: z.number().nullable(),
  at: instant,
  type: z.string(),
  severity: z.enum(['info', 'notice', 'warning', 'alert']),
  outcome: z.enum(['success', 'failure']),
  user_id: text,
  actor_id: text,
  client_id: text,
  session_id: text,
  request_id: text,
  ip: text,
  user_agent: text,
  data: z.record(z.string(), z.unknown()),
})

export const eventFacts = (event: FoundEvent) => ({
  id: event.id,
  seq: event.seq === null ? null : Number(event.seq),
  at: event.at.toISOString(),
  type: event.type,
  severity: event.severity,
  outcome: event.outcome,
  user_id: event.user_id,
  actor_id: event.actor_id,
  client_id: event.client_id,
  session_id: event.session_id,
  request_id: event.request_id,
  ip: event.ip,
  user_agent: event.user_agent,
  data: event.data,
})
