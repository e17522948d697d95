/** Owns which endpoint is told of which event, and in what words. Pure. */
import { catalog } from '../events/catalog.ts'
import type { SequencedEvent } from '../events/followers.ts'

type Endpoint = { events: readonly string[]; client_id: string | null }

/** Whether a pattern is a type of the catalogue, all that begin with a noun (`user.*`), or everything (`*`). */
export const isPattern = (pattern: string): boolean =>
  pattern === '*' || Object.keys(catalog).some((type) => covers(pattern, type))

const covers = (pattern: string, type: string): boolean =>
  pattern === '*' || pattern === type || (pattern.endsWith('.*') && type.startsWith(pattern.slice(0, -1)))

/** Whether an endpoint wants to hear of an event. That of an application hears of that application alone. */
export const isWanted = ({ events, client_id }: Endpoint, event: Pick<SequencedEvent, 'type' | 'client_id'>): boolean =>
  (client_id === null || event.client_id === client_id) && events.some((pattern) => covers(pattern, event.type))

/** The body of a message: Standard Webhooks' `type`, `timestamp` and `data`. Whoever owns an application is not told where people were. */
export const payloadOf = (event: SequencedEvent, { client_id: only }: Endpoint) => {
  const { id, type, at, severity, outcome, user_id, client_id, session_id, actor_id, ip, user_agent, data } = event
  const where = only === null ? { ip, user_agent } : {}
  const about = { id, severity, outcome, user_id, client_id, session_id, actor_id, ...where }
  return { type, timestamp: at, data: { ...about, details: data } }
}

/** The body of a message that only shows that one arrives. */
export const testPayload = (now: Date, webhook_id: string) => ({
  type: 'webhook.test',
  timestamp: now.toISOString(),
  data: { webhook_id, message: 'This is a test.' },
})
