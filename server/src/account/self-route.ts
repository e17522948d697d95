/** Owns what the addresses below /api/v1/users/me have in common: they are everybody's own affairs. */
import { type PersonHandler, type PersonRoute, personRoute } from '../http/person-route.ts'
import type { Route } from '../http/route.ts'

export type SelfHandler = PersonHandler

/** A route for a person's own affairs. */
export const selfRoute = (facts: Omit<PersonRoute, 'may'>): Route => personRoute({ ...facts, may: 'self' })
