/** Owns the shape of a request that has been read. How it is read is read.ts's affair. */
import type { Params } from '../protocol/params.ts'

/** A request as handlers see it: read, bounded, with the caller's address decided. */
export type HttpRequest = {
  method: string
  path: string
  /** The raw query, for re-sending; `params` is what it says. */
  rawQuery: string
  query: Params
  form: Params
  json: unknown
  /** The body of a route that accepts lines. */
  text?: string
  pathParams: Record<string, string>
  header: (name: string) => string | undefined
  ip: string
  /** The other end of the connection itself, whatever a header says. */
  peer: string
  user_agent: string | undefined
  request_id: string
  /** The instant the request came; everything it does and issues bears this time. */
  now: Date
}
