/**
 * Owns what administrators do with the accounts of others, within the ceiling of their own permissions (security rule AD-2).
 * The operations themselves are those of manage.ts and status.ts, which the command line calls too. Start reading at
 * `actOn`.
 */
import { can } from '../access/can.ts'
import { requireFresh } from '../access/freshness.ts'
import { permissionsOf } from '../access/roles.ts'
import type { Ctx } from '../ctx.ts'
import { type By, callerOf } from '../events/record.ts'
import type { PersonPrincipal } from '../http/principal.ts'
import type { HttpRequest } from '../http/request.ts'
import type { Subject } from '../protocol/claims.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { isPerson, notForServices } from './kind.ts'
import { registerUser } from './manage.ts'
import type { Registration } from './register.ts'
import { noSuchUser } from './still-may.ts'
import { loadSubject } from './store.ts'

export { noSuchUser } from './still-may.ts'

/** Who acts, for the events of what they do. */
export const actorOf = (request: HttpRequest, person: PersonPrincipal): By => ({
  actor_id: person.subject.id,
  ...callerOf(request),
})

/** Finds the account that a call acts on, if the caller may. Refusals: `not_found`, `service_account`, `beyond_ceiling`. */
export const actOn = async (ctx: Ctx, person: PersonPrincipal, user_id: string): Promise<Subject | Denial> => {
  const target = await loadSubject(ctx.db, user_id)
  if (target === undefined) return noSuchUser
  if (!(await isPerson(ctx.db, user_id))) return notForServices
  return can(person.subject, { do: 'act on somebody', permission: 'users:write', whom: target }) ?? target
}

/** Of what administrators do not do to themselves: by mistake, or in place of the proofs that their own page asks for. */
export const notYourself: Denial = deny(
  'own_account',
  'This is your own account. Use your account page for it.',
  {
    rule: 'administrators change their own access on their own page, with its proofs (LI-4, MF-4, EM-2)',
    expected: 'the account of somebody else',
    got: 'their own',
  },
  { status: 409 },
)

/** Creates an account with roles that the caller may give. Refusals as in register.ts, and `beyond_ceiling`. */
export const createByAdmin = async (
  ctx: Ctx,
  person: PersonPrincipal,
  { request, registration }: { request: HttpRequest; registration: Registration },
): Promise<{ user_id: string } | Denial> => {
  const refused = await mayGiveNow(ctx, person, { request, roles: registration.roles ?? [] })
  if (refused) return refused
  return await registerUser(ctx, registration, actorOf(request, person))
}

/** The same for somebody who gives them in this request: that wants a fresh proof (security rule AD-4). */
export const mayGiveNow = async (
  ctx: Ctx,
  person: PersonPrincipal,
  { request, roles }: { request: HttpRequest; roles: readonly string[] },
): Promise<Denial | undefined> =>
  roles.length === 0 ? undefined : (requireFresh(ctx, request, person) ?? (await mayGiveRoles(ctx, person, roles)))

/** Refuses roles that hold a permission which the giver lacks. */
export const mayGiveRoles = async (
  ctx: Ctx,
  person: PersonPrincipal,
  roles: readonly string[],
): Promise<Denial | undefined> => {
  if (roles.length === 0) return undefined
  const role = { permissions: await permissionsOf(ctx.db, roles) }
  return can(person.subject, { do: 'give a role', role, to: { permissions: [] } })
}
