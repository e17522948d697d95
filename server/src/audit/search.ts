/**
 * Owns the search for events, newest first, in what has its place in the trail and in what waits for it. Start reading at
 * `searchEvents`.
 */
import type { Query } from '../db/connect.ts'
import { conditions, type Filter, firstIdAt, withinNetwork } from './filter.ts'

/** An event as it was found; `seq` is null until it has its place. */
export type FoundEvent = {
  id: string
  seq: string | null
  at: Date
  type: string
  severity: string
  outcome: string
  user_id: string | null
  actor_id: string | null
  client_id: string | null
  session_id: string | null
  request_id: string | null
  ip: string | null
  user_agent: string | null
  data: Record<string, unknown>
}

/** `before`: the id of the last event of the page before. */
type Page = { filter: Filter; before?: string | undefined; limit: number }

const columns = (tx: Query) => tx`
  id, seq, at, type, severity, outcome, user_id, actor_id, client_id, session_id, request_id, ip, user_agent, data`

/** No event has these ids: each one's lies between them. */
const beforeAll = '00000000-0000-0000-0000-000000000000'
const beyondAll = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

/** One page. */
export const searchEvents = async (tx: Query, { filter, before = beyondAll, limit }: Page): Promise<FoundEvent[]> => {
  if (filter.ip?.includes('/') && (await isRare(tx, filter.ip))) return await fromNetwork(tx, { filter, before, limit })
  const { types } = filter
  const { lead, rest } = leadOf(tx, filter)
  if (lead !== undefined || types === undefined) return await inOrder(tx, { lead, rest, before, limit })
  // The newest of each type, then the newest of these: as fast for a type that is rare as for one that is not.
  const found: FoundEvent[] = []
  for (const type of types) {
    const byType = { column: tx`type`, value: tx`${type}` }
    found.push(...(await inOrder(tx, { lead: byType, rest: { ...filter, types: undefined }, before, limit })))
  }
  return found.toSorted((one, other) => (one.id < other.id ? 1 : -1)).slice(0, limit)
}

type Fragment = ReturnType<typeof conditions>
/** The column whose index is to be used, and what it must be. */
type Lead = { column: Fragment; value: Fragment }

/** What says most of a filter comes first; the rest is looked at row by row. */
const leadOf = (tx: Query, filter: Filter): { lead: Lead | undefined; rest: Filter } => {
  const { request_id, user_id, actor_id, ip, types, client_id, ...others } = filter
  const rest = { types, client_id, ...others }
  if (request_id !== undefined) return { lead: undefined, rest: filter }
  if (user_id !== undefined)
    return { lead: { column: tx`user_id`, value: tx`${user_id}` }, rest: { ...rest, actor_id, ip } }
  if (actor_id !== undefined) return { lead: { column: tx`actor_id`, value: tx`${actor_id}` }, rest: { ...rest, ip } }
  if (ip !== undefined && !ip.includes('/')) return { lead: { column: tx`ip::inet`, value: tx`${ip}::inet` }, rest }
  if (types === undefined && client_id !== undefined)
    return { lead: { column: tx`client_id`, value: tx`${client_id}` }, rest: { ...others, ip } }
  return { lead: undefined, rest: { ...rest, ip } }
}

type Ordered = { lead: Lead | undefined; rest: Filter; before: string; limit: number }

/** Newest first. */
const inOrder = async (tx: Query, { lead, rest, before, limit }: Ordered): Promise<FoundEvent[]> => {
  if (lead === undefined)
    return await tx<FoundEvent[]>`
      select ${columns(tx)} from all_events
      where ${conditions(tx, rest)} and id < ${before}::uuid order by id desc limit ${limit}`
  return await led(tx, lead, { rest, before, limit })
}

/**
 * Of a value that is rare the database does not know where in time it is, and would walk through all of it by its id. Said as
 * one range of value and id, and in this order, only the index that begins with the value will do.
 */
const led = async (
  tx: Query,
  { column, value }: Lead,
  { rest: { from, to, ...rest }, before, limit }: Omit<Ordered, 'lead'>,
): Promise<FoundEvent[]> => {
  const low = from === undefined ? beforeAll : firstIdAt(from)
  const end = to === undefined ? beyondAll : firstIdAt(to)
  const high = end < before ? end : before
  return await tx<FoundEvent[]>`
    select ${columns(tx)} from all_events
    where ${column} >= ${value} and ${column} <= ${value} and ${conditions(tx, rest)}
      and (${column}, id) >= (${value}, ${low}::uuid) and (${column}, id) < (${value}, ${high}::uuid)
    order by ${column} desc, id desc limit ${limit}`
}

/** One event; undefined where there is none. */
export const findEvent = async (tx: Query, id: string): Promise<FoundEvent | undefined> => {
  const rows = await tx<FoundEvent[]>`select ${columns(tx)} from all_events where id = ${id}::uuid limit 1`
  return rows[0]
}

const few = 20_000

/** Whether so little came from a network that it is best looked at as a whole: the database cannot know that. */
const isRare = async (tx: Query, ip: string): Promise<boolean> => {
  const [row] = await tx<{ count: number }[]>`
    select count(*)::int as count from (select 1 from audit_events where ${withinNetwork(tx, ip)} limit ${few + 1}) found`
  return (row?.count ?? 0) <= few
}

const fromNetwork = async (tx: Query, { filter, before, limit }: Page & { before: string }): Promise<FoundEvent[]> => {
  const { ip = '', ...others } = filter
  return await tx<FoundEvent[]>`
    with found as materialized (select ${columns(tx)} from all_events where ${withinNetwork(tx, ip)})
    select ${columns(tx)} from found
    where ${conditions(tx, others)} and id < ${before}::uuid order by id desc limit ${limit}`
}
