/**
 * Owns what a person sees of the events about themselves: the newest first, page by page, without those that only tell that
 * an application works. A cursor is sealed and bound to its person (security rule AD-5).
 */
import type { Ctx } from '../ctx.ts'
import type { Query } from '../db/connect.ts'
import type { EventsRow } from '../db/tables.gen.ts'
import { isUuid } from '../io/ids.ts'
import type { EventType } from './catalog.ts'

/** An event as the person it is about may see it. */
export type OwnEvent = Pick<EventsRow, 'id' | 'at' | 'outcome' | 'ip' | 'user_agent' | 'client_id' | 'session_id'> & {
  type: EventType
}

/** Every application does these all day long. */
export const quiet: readonly EventType[] = ['token.issued', 'token.refreshed', 'token.revoked', 'token.refused']

export type EventsPage = { events: OwnEvent[]; next: string | undefined }

/** One page. Undefined when the cursor is none of this person's. */
export const eventsOf = async (
  ctx: Ctx,
  { user_id, cursor, limit }: { user_id: string; cursor?: string | undefined; limit: number },
): Promise<EventsPage | undefined> => {
  const place = `cursor|events|${user_id}`
  const before = cursor === undefined ? undefined : openCursor(ctx, cursor, place)
  if (cursor !== undefined && before === undefined) return undefined
  const rows = await listEvents(ctx.db, { user_id, before, limit: limit + 1 })
  const events = rows.slice(0, limit)
  const last = rows.length > limit ? events.at(-1) : undefined
  return { events, next: last && ctx.secrets.seal(last.id, place, 'cursor') }
}

const openCursor = (ctx: Ctx, cursor: string, place: string): string | undefined => {
  try {
    const id = ctx.secrets.open(cursor, place, 'cursor')
    return isUuid(id) ? id : undefined
  } catch {
    return undefined
  }
}

/** Where an administrator was who did it is theirs and not the person's (security rule GD-1). */
const shown = (tx: Query) => tx`
  id, type, at, outcome, client_id, session_id,
  case when actor_id is null then ip end as ip, case when actor_id is null then user_agent end as user_agent`

/** No event has this id, and each one's is below it. */
const beyondAll = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

const listEvents = async (
  tx: Query,
  { user_id, before, limit }: { user_id: string; before: string | undefined; limit: number },
): Promise<OwnEvent[]> =>
  await tx<OwnEvent[]>`
    select ${shown(tx)} from all_events
    where user_id = ${user_id} and type <> all (${[...quiet]}::text[])
      and id < ${before ?? beyondAll}::uuid
    order by id desc limit ${limit}`

/** Every event of a person, newest first, for the copy of their data; the newest ten thousand. */
export const allEventsOf = async (tx: Query, user_id: string): Promise<OwnEvent[]> =>
  await tx<OwnEvent[]>`
    select ${shown(tx)} from all_events
    where user_id = ${user_id} order by id desc limit 10000`
