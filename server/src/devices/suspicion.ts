/**
 * Owns the question whether a request can come from where its session was: the same browser on the same machine, at a place
 * that a person can have reached. Pure. Start reading at `suspicionOf`.
 */
import { sessionSignals } from '../config/people-settings.ts'
import { networksOf } from '../http/client-ip.ts'
import type { Place } from '../protocol/session.ts'
import { readUserAgent } from '../users/user-agent.ts'

/** What may speak against a request. */
export type Signal = (typeof sessionSignals)[number]

/** What is known of a browser at one instant: of a session when it was last used, of a request when it came. */
export type Sighting = {
  /** SHA-256 of the device cookie. */
  device_key: Uint8Array | null
  user_agent: string | null
  ip: string | null
  place: Place | null
  at: Date
}

/** The first signal, of those that are listened to, that speaks against a request; undefined when none does. */
export const suspicionOf = (before: Sighting, now: Sighting, listenTo: readonly Signal[]): Signal | undefined =>
  sessionSignals.find((signal) => listenTo.includes(signal) && checks[signal](before, now))

const hourMs = 3_600_000
/** An airliner's speed; a file of places is often wrong by some distance that nobody has travelled. */
const fastestKmh = 900
const shortestKm = 100

/** What is unknown on one side speaks against nobody, but for the cookie and the words of the browser, which every browser sends. */
const checks: Record<Signal, (before: Sighting, now: Sighting) => boolean> = {
  device: (before, now) => before.device_key !== null && !isSameKey(before.device_key, now.device_key),
  browser: (before, now) => differs(before, now, 'browser'),
  system: (before, now) => differs(before, now, 'system'),
  country: (before, now) =>
    isWithinHour(before, now) &&
    before.place !== null &&
    now.place !== null &&
    before.place.country_code !== now.place.country_code,
  network: (before, now) => isWithinHour(before, now) && isOtherNetwork(before.ip, now.ip),
  travel: (before, now) => {
    const distance = distanceKm(before.place, now.place)
    return distance > shortestKm && distance > (elapsedMs(before, now) / hourMs) * fastestKmh
  },
}

/** Hashes of a secret of 256 bits: how long comparing takes tells nobody anything about it. */
const isSameKey = (one: Uint8Array, other: Uint8Array | null): boolean =>
  other !== null && Buffer.compare(one, other) === 0

/** Versions are no difference; the text is read only when it is another one. */
const differs = (before: Sighting, now: Sighting, part: 'browser' | 'system'): boolean =>
  before.user_agent !== now.user_agent && readUserAgent(before.user_agent)[part] !== readUserAgent(now.user_agent)[part]

/** Nodes whose clocks differ by a little may see a request before the one that came first. */
const elapsedMs = (before: Sighting, now: Sighting): number => Math.max(0, now.at.getTime() - before.at.getTime())

const isWithinHour = (before: Sighting, now: Sighting): boolean => elapsedMs(before, now) < hourMs

/** IPv4 /24, IPv6 /48. A browser that has both takes now one and now the other: these cannot be compared. */
const isOtherNetwork = (before: string | null, now: string | null): boolean =>
  before !== null &&
  now !== null &&
  before.includes(':') === now.includes(':') &&
  networksOf(before).network !== networksOf(now).network

const earthKm = 6371
const radians = (degrees: number): number => (degrees * Math.PI) / 180

/** The least distance that lies between two places, by the haversine formula, less how inexact each is; 0 when a point is unknown. */
const distanceKm = (one: Place | null, other: Place | null): number => {
  const [a, b] = [pointOf(one), pointOf(other)]
  if (a === undefined || b === undefined) return 0
  const [lat, lon] = [radians(b.latitude - a.latitude), radians(b.longitude - a.longitude)]
  const h =
    Math.sin(lat / 2) ** 2 + Math.cos(radians(a.latitude)) * Math.cos(radians(b.latitude)) * Math.sin(lon / 2) ** 2
  return 2 * earthKm * Math.asin(Math.min(1, Math.sqrt(h))) - (one?.accuracy_km ?? 0) - (other?.accuracy_km ?? 0)
}

const pointOf = (place: Place | null): { latitude: number; longitude: number } | undefined =>
  place?.latitude === undefined || place.longitude === undefined
    ? undefined
    : { latitude: place.latitude, longitude: place.longitude }
