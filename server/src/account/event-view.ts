/** Owns how events look on a person's own pages: in plain words, with where it was and in which browser. */
import type { Ctx } from '../ctx.ts'
import type { OwnEvent } from '../events/list.ts'
import type { EventView, PlaceView } from '../pages/account-data.ts'
import type { MessageKey } from '../pages/messages.ts'
import type { Place } from '../protocol/session.ts'
import { browserLabel } from '../users/user-agent.ts'

/** Events for a page. Applications are called by their names, as long as they are there. */
export const eventViews = async (ctx: Ctx, events: readonly OwnEvent[]): Promise<EventView[]> => {
  const { has } = ctx.pages.wordingFor('en')
  return await Promise.all(
    events.map(async (event) => {
      const { type, at, outcome, ip, user_agent, client_id } = event
      const client = client_id === null ? undefined : await ctx.clients.get(client_id)
      const key = has(`event.${type}`) ? (`event.${type}` as MessageKey) : 'event.other'
      return {
        text: { key, params: { client: client?.client_name ?? client_id ?? '' } },
        at,
        failed: outcome === 'failure',
        ...(ip !== null && { where: whereOf(ip, ctx.places.find(ip)) }),
        ...(user_agent !== null && { browser: browserLabel(user_agent) }),
      }
    }),
  )
}

/** An address, and where that is if a file of places knows it. */
export const whereOf = (ip: string | null, place: Place | null | undefined): PlaceView => ({
  ip: ip ?? '',
  ...(place && { country_code: place.country_code, ...(place.city !== undefined && { city: place.city }) }),
})
