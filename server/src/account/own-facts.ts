/**
 * Owns how sessions, devices and events of a person look outside of pages: in the API and in the copy of their data. Named
 * members only, so that a secret that a row gets one day stays inside (security rule AD-3).
 */
import type { listDevices } from '../devices/forget.ts'
import type { OwnEvent } from '../events/list.ts'
import type { Place } from '../protocol/session.ts'
import type { sessionsOfUser } from '../sessions/list.ts'

type Session = Awaited<ReturnType<typeof sessionsOfUser>>[number]
type Device = Awaited<ReturnType<typeof listDevices>>[number]

/** A session. An administrator who acts as the person is told apart, not named. */
export const sessionFacts = (one: Session) => ({
  id: one.id,
  browser: one.browser ?? null,
  system: one.system ?? null,
  ip: one.ip,
  place: placeFacts(one.place),
  acr: one.acr,
  amr: one.amr,
  acted: one.actor_id !== null,
  auth_time: one.auth_time.toISOString(),
  created_at: one.created_at.toISOString(),
  last_seen_at: one.last_seen_at.toISOString(),
})

/** A browser in which the person has signed in. */
export const deviceFacts = (one: Device) => ({
  id: one.id,
  browser: one.browser ?? null,
  system: one.system ?? null,
  ip: one.ip,
  place: placeFacts(one.place),
  created_at: one.created_at.toISOString(),
  last_seen_at: one.last_seen_at.toISOString(),
  trusted_until: one.trusted_until?.toISOString() ?? null,
})

/** Something that happened. */
export const eventFacts = (one: OwnEvent) => ({
  id: one.id,
  type: one.type,
  at: one.at.toISOString(),
  outcome: one.outcome,
  ip: one.ip,
  user_agent: one.user_agent,
  client_id: one.client_id,
  session_id: one.session_id,
})

const placeFacts = (place: Place | null) =>
  place === null ? null : { country_code: place.country_code, country: place.country, city: place.city ?? null }
