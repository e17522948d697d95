/**
 * Owns the life of APIs (resource servers): registered by whoever may, looked after by their owners, each with permissions of
 * its own. An identifier never changes: it is in tokens. Start reading at `createApi`.
 */
import { mayGive } from '../access/ceiling.ts'
import { type Change, changeAccess, type Doer } from '../access/change.ts'
import { addPermission, endPermissions } from '../access/permission-admin.ts'
import type { Ctx } from '../ctx.ts'
import { isUniqueViolation } from '../db/connect.ts'
import type { PersonPrincipal } from '../http/principal.ts'
import { isUuid, uuidv7 } from '../io/ids.ts'
import { type MappingRule, findMappingFault } from '../protocol/claim-mapping.ts'
import { type Denial, deny, isDenial, shown } from '../protocol/errors.ts'
import { isResource } from '../clients/registration-checks.ts'
import {
  type ApiValues,
  type ApiWithPermissions,
  deleteApi,
  insertApi,
  loadApi,
  lockApi,
  personExists,
  updateApi,
} from './store.ts'

export { listApis } from './store.ts'

/** Who acts, and what the API has to look like for it (etag.ts). */
export type Acting = { person: PersonPrincipal; doer: Doer; check: (api: ApiWithPermissions) => Denial | undefined }

type NewPermission = { name: string; description?: string | null | undefined }
export type NewApi = Partial<ApiValues> & {
  identifier: string
  name: string
  permissions?: readonly NewPermission[] | undefined
}

const permissionsAtMost = 1000

/** Registers an API with its permissions. Refusals: `invalid_target`, `already_exists`, and those of permission-admin.ts. */
export const createApi = async (ctx: Ctx, wish: NewApi, doer: Doer): Promise<ApiWithPermissions | Denial> => {
  const { permissions = [], ...values } = wish
  const refused = checkIdentifier(ctx, values.identifier) ?? checkValues(ctx, values)
  if (refused) return refused
  const id = uuidv7(ctx.now())
  return await unique(ctx, async () =>
    changeAccess(ctx, doer, async (change) => {
      const owner = values.owner_id ?? null
      if (owner !== null && !(await personExists(change.tx, owner))) return noSuchOwner
      await insertApi(change.tx, { ...blank, ...values, id }, change.now)
      await change.tell({ type: 'resource.created', data: { resource_server: id, identifier: values.identifier } })
      return (await addAll(change, id, permissions)) ?? (await reload(change, id))
    }),
  )
}

const blank = {
  description: null,
  owner_id: null,
  open: false,
  access_token_ttl_seconds: null,
  access_token_format: null,
  access_token_signed_response_alg: null,
  token_roles: 'all',
  token_budget_bytes: null,
  claim_mapping: [],
}

const addAll = async (change: Change, id: string, wishes: readonly NewPermission[]): Promise<Denial | undefined> => {
  for (const wish of wishes) {
    const made = await addPermission(change, { ...wish, resource_server_id: id })
    if (isDenial(made)) return made
  }
  return undefined
}

/** Changes what is named. Refusals: `not_found`, `permission_denied`, `invalid_request`, and what `check` refuses. */
export const changeApi = async (
  ctx: Ctx,
  id: string,
  values: Partial<ApiValues>,
  acting: Acting,
): Promise<ApiWithPermissions | Denial> =>
  await withApi(ctx, id, acting, async (change, api) => {
    const mapping = JSON.stringify(values.claim_mapping ?? api.claim_mapping)
    // Claims tell an API more of people than they allowed it: that is not for its owner to say.
    if (!acting.person.holds && mapping !== JSON.stringify(api.claim_mapping))
      return onlyAdministrators('claim_mapping')
    if (!acting.person.holds && values.owner_id !== undefined) return onlyAdministrators('owner_id')
    if (values.owner_id != null && !(await personExists(change.tx, values.owner_id))) return noSuchOwner
    if (api.builtin && values.open) return builtIn('This server’s own API is not open to everybody.')
    const refused = checkValues(ctx, values)
    if (refused) return refused
    await updateApi(change.tx, id, values, change.now)
    await change.tell({ type: 'resource.updated', data: { resource_server: id, changed: Object.keys(values) } })
    return await reload(change, id)
  })

/** Deletes an API with its permissions; tokens of everybody who held one of them by a role die. */
export const removeApi = async (ctx: Ctx, id: string, acting: Acting): Promise<Denial | undefined> => {
  const done = await withApi(ctx, id, acting, async (change, api) => {
    if (api.builtin) return builtIn('This server’s own API cannot be deleted.')
    const refused = isOwner(acting, api) ? undefined : mayGive(acting.person.subject, namesOf(api))
    if (refused) return refused
    await endPermissions(change, api.permissions)
    await deleteApi(change.tx, id)
    await change.tell({ type: 'resource.deleted', data: { resource_server: id, identifier: api.identifier } })
    return undefined
  })
  return isDenial(done) ? done : undefined
}

/** Makes a permission of an API. Whoever looks after the API may, and gives it to nobody by that. */
export const addPermissionTo = async (
  ctx: Ctx,
  id: string,
  wish: NewPermission,
  acting: Acting,
): Promise<ApiWithPermissions | Denial> =>
  await withApi(ctx, id, acting, async (change, api) => {
    if (api.builtin) return builtIn('This server’s own API has the permissions that it asks for.')
    if (api.permissions.length >= permissionsAtMost) return tooManyPermissions
    const made = await addPermission(change, { ...wish, resource_server_id: id })
    return isDenial(made) ? made : await reload(change, id)
  })

/** Takes a permission of an API away. */
export const removePermissionFrom = async (
  ctx: Ctx,
  { id, permission_id }: { id: string; permission_id: string },
  acting: Acting,
): Promise<Denial | undefined> => {
  const done = await withApi(ctx, id, acting, async (change, api) => {
    const permission = api.permissions.find((one) => one.id === permission_id)
    if (permission === undefined) return noSuchApi
    if (api.builtin) return builtIn('This server itself asks for this permission.')
    const refused = isOwner(acting, api) ? undefined : mayGive(acting.person.subject, [permission.name])
    if (refused) return refused
    await endPermissions(change, [permission])
    return undefined
  })
  return isDenial(done) ? done : undefined
}

/** Works on an API of one's own, or on any where the permission of the route is held. */
const withApi = async <T>(
  ctx: Ctx,
  id: string,
  acting: Acting,
  work: (change: Change, api: ApiWithPermissions) => Promise<T | Denial>,
): Promise<T | Denial> =>
  await unique(ctx, async () =>
    changeAccess(ctx, acting.doer, async (change) => {
      const api = isUuid(id) ? await lockApi(change.tx, id) : undefined
      if (api === undefined || !(acting.person.holds || isOwner(acting, api))) return noSuchApi
      return acting.check(api) ?? (await work(change, api))
    }),
  )

const unique = async <T>(ctx: Ctx, work: () => Promise<T | Denial>): Promise<T | Denial> => {
  try {
    const result = await work()
    ctx.apis.forget()
    return result
  } catch (error) {
    if (isUniqueViolation(error, 'resource_servers_identifier_key'))
      return taken('There is an API of this identifier already.')
    if (isUniqueViolation(error, 'permissions_name_key')) return taken('There is a permission of this name already.')
    throw error
  }
}

const isOwner = ({ person }: Acting, api: ApiWithPermissions): boolean => api.owner_id === person.subject.id
const namesOf = (api: ApiWithPermissions): string[] => api.permissions.map(({ name }) => name)

const reload = async ({ tx }: Change, id: string): Promise<ApiWithPermissions | Denial> =>
  (await loadApi(tx, id)) ?? noSuchApi

/** What is under this server's own address is its own. */
const checkIdentifier = (ctx: Ctx, identifier: string): Denial | undefined => {
  const { issuer } = ctx.config
  if (!isResource(identifier)) return invalid('an absolute URI without a fragment (RFC 8707 §2)', shown(identifier))
  const isOurs = identifier === issuer || identifier.startsWith(`${issuer}/`)
  return isOurs ? invalid('an address that is not this server’s', shown(identifier)) : undefined
}

const checkValues = (ctx: Ctx, values: Partial<ApiValues>): Denial | undefined => {
  const alg = values.access_token_signed_response_alg
  if (alg != null && !ctx.config.signing_algs.some((known) => known === alg))
    return invalid(`a signing algorithm out of: ${ctx.config.signing_algs.join(' ')}`, alg)
  const rules = (values.claim_mapping ?? []) as MappingRule[]
  const fault = findMappingFault(rules) ?? (rules.some((rule) => rule.into !== 'access_token') ? onlyAccess : undefined)
  return fault === undefined ? undefined : invalid(fault, 'another rule')
}

const onlyAccess = 'rules for access_token: those for id_token and userinfo belong to applications'

const invalid = (expected: string, got: string): Denial =>
  deny('invalid_request', `The API cannot be registered so: expected ${expected}.`, {
    rule: 'what is said of an API is valid',
    expected,
    got,
  })

/** Of an API that is not there, or not for whoever asks. */
export const noSuchApi: Denial = deny(
  'not_found',
  'There is no such API.',
  { rule: 'the API exists', expected: 'the id of an API', got: 'another one' },
  { status: 404 },
)

const taken = (sentence: string): Denial =>
  deny(
    'already_exists',
    sentence,
    { rule: 'names are unique', expected: 'one that is free', got: 'one in use' },
    {
      status: 409,
    },
  )

const builtIn = (sentence: string): Denial =>
  deny(
    'built_in',
    sentence,
    { rule: 'this server’s own API stays', expected: 'another API', got: 'the built-in one' },
    {
      status: 409,
    },
  )

const tooManyPermissions: Denial = deny(
  'too_many_permissions',
  'There are too many permissions in this API.',
  { rule: 'tokens stay small', expected: `at most ${permissionsAtMost}`, got: 'as many' },
  { status: 409 },
)

const noSuchOwner: Denial = deny(
  'unknown_owner',
  'There is no such person.',
  { rule: 'an owner is a person', expected: 'the id of a person', got: 'something else' },
  { status: 422 },
)

const onlyAdministrators = (member: string): Denial =>
  deny(
    'permission_denied',
    `Only administrators of APIs can set ${member}.`,
    {
      rule: 'an owner learns nothing of people beyond what they allow (AD-2)',
      expected: 'the permission resources:write',
      got: 'its owner',
    },
    { status: 403 },
  )
