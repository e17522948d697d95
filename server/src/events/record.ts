/**
 * Owns the one way in which something that happened is written down: in the transaction in which it happened. If the
 * event cannot be written, the change does not happen either (security rule AU-1).
 */
import type postgres from 'postgres'
import type { Query } from '../db/connect.ts'
import { uuidv7 } from '../io/ids.ts'
import { catalog, type EventType } from './catalog.ts'

/** What happened, to whom, by whom. `data` holds no secret. */
export type Happening = {
  type: EventType
  now: Date
  user_id?: string | undefined
  client_id?: string | undefined
  session_id?: string | undefined
  ip?: string | undefined
  user_agent?: string | undefined
  request_id?: string | undefined
  data?: Record<string, postgres.JSONValue>
}

/** Who was calling, for `Happening`: the three facts of a request that an audit wants. */
export const callerOf = (request: {
  ip: string
  user_agent: string | undefined
  request_id: string
}): Pick<Happening, 'ip' | 'user_agent' | 'request_id'> => ({
  ip: request.ip,
  user_agent: request.user_agent,
  request_id: request.request_id,
})

/** Who acted on somebody else's affairs: an administrator by their id, and where the request came from. Nothing for the operator at the command line. */
export type By = { actor_id?: string } & Pick<Happening, 'ip' | 'user_agent' | 'request_id'>

/** The same for `Happening`, beside what else is told. */
export const actedBy = (
  { actor_id, ...caller }: By,
  data: NonNullable<Happening['data']> = {},
): Pick<Happening, 'data' | 'ip' | 'user_agent' | 'request_id'> => ({
  data: { ...data, ...(actor_id !== undefined && { by: actor_id }) },
  ...caller,
})

/** Writes one event. */
export const record = async (tx: Query, happening: Happening): Promise<void> => {
  await tx`insert into events ${tx(rowOf(happening))}`
}

/** The row of an event, for statements that write it together with the change itself. */
export const rowOf = (happening: Happening) => ({
  id: uuidv7(happening.now),
  type: happening.type,
  at: happening.now,
  severity: catalog[happening.type].severity,
  outcome: catalog[happening.type].outcome,
  user_id: happening.user_id ?? null,
  client_id: happening.client_id ?? null,
  session_id: happening.session_id ?? null,
  ip: happening.ip ?? null,
  user_agent: printable(happening.user_agent),
  request_id: happening.request_id ?? null,
  data: (happening.data ?? {}) as postgres.JSONValue,
})

/** CR and LF cannot forge a second line in an export (AU-1); PostgreSQL text holds no NUL. */
const printable = (text: string | undefined): string | null =>
  text?.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ') ?? null
