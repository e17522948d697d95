/** Owns what everybody may know of a sign-in. Pure. */

/** Where an address is, as a file of places knows it: a country at least. */
export type Place = {
  /** English name. */
  country: string
  /** ISO 3166-1, two letters. */
  country_code: string
  city?: string
  latitude?: number
  longitude?: number
  /** How far from there the person may be, in kilometres. */
  accuracy_km?: number
}

/** A sign-in that is alive. `sid` names it in tokens; `browser_id` ties the sign-ins of one browser together. */
export type LiveSession = {
  id: string
  browser_id: string
  user_id: string
  auth_time: Date
  amr: string[]
  acr: string
  /** A trusted device stood in for the second step that policy wants; `acr` says what was proved. */
  device_trusted: boolean
  /** Who acts as this person, by their id (impersonation); null for the person. */
  actor_id: string | null
  created_at: Date
  last_seen_at: Date
  /** The device it began on, by the SHA-256 of that browser's cookie; null for a session that is bound to none. */
  device_id: string | null
  device_key: Buffer | null
  /** What was last seen of it, at `last_seen_at`. */
  ip: string | null
  user_agent: string | null
  place: Place | null
}
