/**
 * Owns the copy of all registered APIs that tokens are made by: one reading for all of them, at most one second old, so that no
 * token costs a query of its own.
 */
import type { Db } from '../db/connect.ts'
import { type Cache, createCache } from '../io/cache.ts'
import type { MappingRule } from '../protocol/claim-mapping.ts'
import { type ApiRow, listPermissionsOfApis, loadAllApis, rolesOfApis } from './store.ts'

/** An API as tokens for it are made. */
export type Api = {
  id: string
  identifier: string
  access_token_ttl_seconds: number | null
  access_token_format: string | null
  access_token_signed_response_alg: string | null
  token_roles: 'all' | 'own' | 'none'
  token_budget_bytes: number | null
  claim_mapping: readonly MappingRule[]
  owner_id: string | null
  open: boolean
  /** Roles that hold a permission of it; filled only where its tokens name no others. */
  roles: ReadonlySet<string>
}

/** Every API by its identifier, and to which one a permission belongs. */
export type Apis = { byIdentifier: ReadonlyMap<string, Api>; apiOf: ReadonlyMap<string, string> }

export type ApiCopies = { all: () => Promise<Apis>; forget: () => void }

/** Makes the copy of a node. The API of this server itself is called after its issuer. */
export const createApis = (db: Db, issuer: string): ApiCopies => {
  const cache: Cache<Apis> = createCache({ max: 1, ttlMs: 1000, load: async () => await loadApis(db, issuer) })
  return { all: async () => (await cache.get('all')) ?? none, forget: () => cache.clear() }
}

const none: Apis = { byIdentifier: new Map(), apiOf: new Map() }

const loadApis = async (db: Db, issuer: string): Promise<Apis> => {
  const [rows, permissions] = await Promise.all([loadAllApis(db), listPermissionsOfApis(db)])
  const own = rows.filter((row) => row.token_roles === 'own').map((row) => row.id)
  const roles = own.length === 0 ? [] : await rolesOfApis(db, own)
  const nameOf = (row: ApiRow): string => row.identifier ?? `${issuer}/api/v1`
  const names = new Map(rows.map((row) => [row.id, nameOf(row)]))
  const byIdentifier = new Map(
    rows.map((row) => {
      const mine = roles.filter(({ resource_server_id }) => resource_server_id === row.id)
      return [nameOf(row), toApi(row, nameOf(row), new Set(mine.map(({ name }) => name)))]
    }),
  )
  const apiOf = new Map(permissions.map(({ name, resource_server_id }) => [name, names.get(resource_server_id) ?? '']))
  return { byIdentifier, apiOf }
}

const toApi = (row: ApiRow, identifier: string, roles: ReadonlySet<string>): Api => ({
  ...row,
  identifier,
  roles,
  token_roles: row.token_roles as Api['token_roles'],
  claim_mapping: row.claim_mapping as MappingRule[],
})
