/**
 * Owns the question who may do what to an application, asked within the transaction of the change (security rules AD-1, AD-2).
 * What is not theirs is, to a person without the permission, not there. Start reading at `guardOf`.
 */
import { can } from '../access/can.ts'
import { mayGive } from '../access/ceiling.ts'
import { apiAudience } from '../access/person.ts'
import { permissions } from '../access/permissions.ts'
import { holdAccess } from '../access/roles.ts'
import type { Ctx } from '../ctx.ts'
import type { Query, Tx } from '../db/connect.ts'
import { type By, callerOf } from '../events/record.ts'
import { checkMatch } from '../http/etag.ts'
import type { PersonPrincipal } from '../http/principal.ts'
import type { HttpRequest } from '../http/request.ts'
import { type Denial, deny } from '../protocol/errors.ts'
import { loadSubject } from '../users/subject.ts'
import { changesPower, checkOwnerMay, isAdministrative, type Open } from './application-rules.ts'
import { applicationView } from './application-view.ts'
import { type Asking, type Change, noSuchClient } from './asking.ts'
import { countOwned, isCoOwner, isServiceAccount, lockOwner } from './owner-store.ts'
import type { Client, ClientValues } from './store.ts'

type Caller = { request: HttpRequest; person: PersonPrincipal }

/** `owner`: not for those who look after it beside its owner. `secret`: whoever does it has its secret in hand. */
export type Deed = 'change' | 'secret' | 'owner'

/** Who asks for a change of an existing application, and what has to hold for it. */
export const askingOf = async (ctx: Ctx, caller: Caller, deed: Deed): Promise<Asking> => {
  // Read before the transaction begins: within it nobody waits for a second connection.
  const open = await openTo(ctx, caller.person)
  return { by: actorOf(caller), guard: async (tx, change) => await guard(ctx, tx, { ...caller, deed, change, open }) }
}

export const actorOf = ({ request, person }: Caller): By => ({ actor_id: person.subject.id, ...callerOf(request) })

type Asked = Caller & { deed: Deed; change: Change; open: Open }

const guard = async (ctx: Ctx, tx: Tx, asked: Asked): Promise<Denial | undefined> => {
  const { request, person, deed, change, open } = asked
  const { before, after } = change
  if (before === undefined) return undefined
  const rank = person.holds ? 'administrator' : await rankOf(tx, before, person.subject.id)
  if (rank === undefined) return noSuchClient(before.client_id)
  if (deed === 'owner' && rank === 'co-owner') return forOwners
  const stale = checkMatch(request, applicationView(before))
  if (stale) return stale
  const beyond = after === undefined || person.holds ? undefined : checkOwnerMay(before, after, open)
  if (beyond) return beyond
  if (deed !== 'secret' && (after === undefined || !changesPower(before, after))) return undefined
  return await checkCeiling(ctx, tx, person, after === undefined ? [before] : [before, after])
}

/** Whose an application is. */
export const rankOf = async (
  tx: Query,
  client: Pick<Client, 'client_id' | 'owner_id'>,
  user_id: string,
): Promise<'owner' | 'co-owner' | undefined> => {
  if (client.owner_id === user_id) return 'owner'
  return (await isCoOwner(tx, client.client_id, user_id)) ? 'co-owner' : undefined
}

/** Who makes an application: everybody within their number, or who may make any (KEYWRIGHT_APPLICATIONS). */
export const askingToCreate = async (ctx: Ctx, caller: Caller): Promise<Asking> => {
  const { person } = caller
  const open = await openTo(ctx, person)
  return {
    by: actorOf(caller),
    guard: async (tx, { after }) => {
      if (after === undefined) return undefined
      const refused = person.holds ? undefined : await checkOwn(ctx, tx, { person, after, open })
      return refused ?? (await checkCeiling(ctx, tx, person, [after]))
    },
  }
}

type Own = { person: PersonPrincipal; after: ClientValues; open: Open }

const checkOwn = async (ctx: Ctx, tx: Tx, { person, after, open }: Own): Promise<Denial | undefined> => {
  if (ctx.config.applications === 'permitted') return notForEveryone
  // One after the other, so that two at once do not both find room for a last one.
  await lockOwner(tx, person.subject.id)
  const most = ctx.config.applications_per_person
  if ((await countOwned(tx, person.subject.id)) >= most) return tooMany(most)
  return checkOwnerMay(undefined, after, open)
}

/**
 * AD-2: nobody has a hand in an application that may do more than they, be it by its service account or by those who trust it.
 * The last of the states is what it is to be.
 */
const checkCeiling = async (
  ctx: Ctx,
  tx: Tx,
  person: PersonPrincipal,
  states: readonly ClientValues[],
): Promise<Denial | undefined> => {
  if (states.some((state) => isAdministrative(state, apiAudience(ctx)))) {
    const refused = mayGive(
      person.subject,
      permissions.map(([resource, action]) => `${resource}:${action}`),
    )
    if (refused) return refused
  }
  const ids = [...new Set(states.map((state) => state.service_account_id))].filter((id) => id !== null)
  if (ids.length === 0) return undefined
  // Nobody gives the account more between this look and the commit.
  await holdAccess(tx)
  for (const id of ids) {
    const service = (await isServiceAccount(tx, id)) ? await loadSubject(tx, id) : undefined
    if (service === undefined) return noSuchAccount
    const isTied = states.every((state) => state.service_account_id === id) && states.length > 1
    const refused = can(person.subject, { do: isTied ? 'change a client' : 'tie a client', service })
    if (refused) return refused
  }
  return undefined
}

/** APIs that everybody may use, and one's own. */
const openTo = async (ctx: Ctx, person: PersonPrincipal): Promise<Open> => {
  const { byIdentifier, apiOf } = await ctx.apis.all()
  const apis = [...byIdentifier.values()]
  const own = new Set(apis.filter((api) => api.owner_id === person.subject.id).map((api) => api.identifier))
  const resources = new Set(apis.filter((api) => api.open || own.has(api.identifier)).map((api) => api.identifier))
  return {
    own,
    resources,
    scopes: new Set([...apiOf].flatMap(([name, api]) => (resources.has(api) ? [name] : []))),
  }
}

const rule = 'an application is looked after by its owners (AD-1)'

const forOwners: Denial = deny(
  'permission_denied',
  'This is for the owner of the application.',
  { rule, expected: 'its owner', got: 'somebody who looks after it beside them' },
  { status: 403 },
)

const notForEveryone: Denial = deny(
  'permission_denied',
  'Applications are registered by administrators here.',
  {
    rule: 'KEYWRIGHT_APPLICATIONS says who may register applications',
    expected: 'the permission applications:write',
    got: 'nothing like it',
    remedy: 'Ask an administrator.',
  },
  { status: 403 },
)

/** Of somebody who has as many applications as one person may. */
export const tooMany = (most: number): Denial =>
  deny(
    'too_many_applications',
    'There are too many applications of this person.',
    {
      rule: 'a person owns a bounded number of applications (KEYWRIGHT_APPLICATIONS_PER_PERSON)',
      expected: `at most ${most}`,
      got: 'as many',
      remedy: 'Delete one, or give one to somebody else.',
    },
    { status: 409 },
  )

const noSuchAccount: Denial = deny(
  'invalid_client_metadata',
  'There is no such service account.',
  { rule: 'a service account exists', expected: 'the id of a service account', got: 'something else' },
  { status: 400 },
)
