/**
 * Owns how sessions, devices and events of a person look outside of pages: in the API and in the copy of their data. Named
 * members only, so that a secret that a row gets one day stays inside (security rule AD-3).
 */
import { z } from 'zod'
import type { listDevices } from '../devices/forget.ts'
import type { OwnEvent } from '../events/list.ts'
import { instant } from '../http/api-route.ts'
import type { Place } from '../protocol/session.ts'
import type { sessionsOfUser } from '../sessions/list.ts'

type Session = Awaited<ReturnType<typeof sessionsOfUser>>[number]
type Device = Awaited<ReturnType<typeof listDevices>>[number]

const text = z.string().nullable()
const placeSchema = z
  .object({ country_code: z.string().describe('ISO 3166-1'), country: z.string(), city: text })
  .nullable()
  .describe('where that is, if the operator has a file of places')
const seen = { browser: text, system: text, ip: text, place: placeSchema, created_at: instant, last_seen_at: instant }

/** As answers have it; `current` is the one that asks. */
export const sessionSchema = z
  .object({
    id: z.string(),
    ...seen,
    acr: z.string(),
    amr: z.array(z.string()).describe('what was proved (RFC 8176)'),
    acted: z.boolean().describe('somebody else acts as the person'),
    auth_time: instant,
    current: z.boolean(),
  })
  .meta({ id: 'Session' })
export const deviceSchema = z
  .object({ id: z.string(), ...seen, trusted_until: instant.nullable(), current: z.boolean() })
  .meta({ id: 'Device' })
export const eventSchema = z
  .object({
    id: z.uuid(),
    type: z.string(),
    at: instant,
    outcome: z.string(),
    ip: text,
    user_agent: text,
    client_id: text,
    session_id: text,
  })
  .meta({ id: 'OwnEvent' })

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
