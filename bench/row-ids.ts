/** Owns the names of the rows, in the order of the table. */

/** The rows that put load on a server. */
export const loadRowIds = [
  'discovery',
  'jwks',
  'client-credentials-rs256',
  'client-credentials-es256',
  'authorize',
  'exchange-rs256',
  'exchange-es256',
  'refresh-rs256',
  'refresh-es256',
  'introspection',
  'userinfo',
  'revocation',
  'login',
  'login-new',
] as const
export type LoadRowId = (typeof loadRowIds)[number]

/** All rows: `memory` and `start` are two lines of the table each. */
export const rowIds = [...loadRowIds, 'memory', 'start'] as const
export type RowId = (typeof rowIds)[number]

export const isRowId = (name: string): name is RowId => (rowIds as readonly string[]).includes(name)

/** Tells the rows with load from `memory` and `start`. */
export const isLoadRow = (row: RowId): row is LoadRowId => row !== 'memory' && row !== 'start'
