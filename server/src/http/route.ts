/**
 * Owns what a route is: address, who may call it, how it refuses, what it does. Every URL of this server is one `route()`
 * in the slice that owns it; `app.ts` lists them all.
 */
import type { Ctx } from '../ctx.ts'
import type { Denial } from '../protocol/errors.ts'
import type { z } from 'zod'
import type { May, Principals, Proof } from './principal.ts'
import type { Reply } from './reply.ts'
import type { HttpRequest } from './request.ts'

/** Who may call: see `principal.ts` for what the handler is given. A route without one does not start (rule 1). */
export type Auth = keyof Principals

/** How refusals are written: RFC 6749 §5.2 JSON, a page for people, or an RFC 9457 problem. */
export type ErrorForm = 'oauth' | 'page' | 'problem'

/** `login`: tries to prove somebody. `mail`: asks for a letter, by the hour. */
export type Limit = 'login' | 'mail' | 'none'

/** What the OpenAPI document says of a route beyond its address. */
export type ApiFacts = {
  /** Which chapter it stands in. */
  tag: string
  body?: z.ZodType
  query?: z.ZodObject
  /** What each success looks like, by its status. `empty` has no body; `lines` are JSON lines or CSV. */
  answers: Readonly<Record<number, z.ZodType | 'empty' | 'lines' | 'events'>>
  /** The type of the answers, where it is another one than application/json. */
  media?: string
  /** Statuses of refusals beyond those that follow from what the route is (see openapi.ts). */
  refuses?: readonly number[]
  /** Repeating a call with the same Idempotency-Key gives the same answer again. */
  creates?: boolean
}

export type RouteOf<A extends Auth> = {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  path: string
  auth: A
  summary: string
  errors: ErrorForm
  /** Body of a POST; anything else is answered with 415. */
  /** `lines` are JSON lines or CSV, at most 1 MiB. */
  accepts?: 'form' | 'json' | 'lines'
  /** Who of the people that `auth: 'person'` recognises may call; a route of theirs without it does not start (security rule AD-1). */
  may?: May
  /** A person without the permission of `may` gets through: the handler then asks whether the object is theirs. */
  orOwner?: boolean
  /** API keys may call it, though it is about oneself. */
  keys?: boolean
  /** The only kinds of proof that count here; without it all do. */
  proofs?: readonly Proof[]
  /** What programs are told of it (docs/openapi.json). */
  api?: ApiFacts
  /** Reshapes an older system's call before anybody looks at it, authentication included; only compat.ts has use for it. */
  adapt?: (ctx: Ctx, request: HttpRequest) => HttpRequest | Denial
  /** The path that replaces this one: every answer says so, refusals too. Only compat.ts has use for it. */
  successor?: string
  /** Also reads `multipart/form-data` without files; only compat.ts has use for it. */
  multipart?: boolean
  /** `public`: any origin, no credentials. `client`: only origins registered for the client that calls. Default: none. */
  cors?: 'public' | 'client'
  /** A limit stricter than the one per address. */
  limit?: Limit
  handler: (ctx: Ctx, request: HttpRequest, principal: Principals[A]) => Reply | Promise<Reply>
}

export type Route = { [A in Auth]: RouteOf<A> }[Auth]

/** Defines a route; ties the type of the principal to the `auth` it names. */
export const route = <A extends Auth>(definition: RouteOf<A>): Route => definition as unknown as Route
