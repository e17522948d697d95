/** Owns what everybody may know of a sign-in. Pure. */

/** A sign-in that is alive. `sid` names it in tokens; `browser_id` ties the sign-ins of one browser together. */
export type LiveSession = {
  id: string
  browser_id: string
  user_id: string
  auth_time: Date
  amr: string[]
  acr: string
  created_at: Date
  last_seen_at: Date
}
