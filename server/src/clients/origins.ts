/** Owns which browser origins may talk to the endpoints of clients (security rule CR-1). */
import type { Db } from '../db/connect.ts'
import type { HttpRequest } from '../http/request.ts'
import type { Cache } from '../io/cache.ts'
import { param } from '../protocol/params.ts'
import { type Client, originIsRegistered } from './store.ts'

/** In a preflight the client is unknown: any enabled client's origin will do. In a request it must be the named client's own. */
export const originAllowed = async (
  facts: { db: Db; clients: Cache<Client> },
  origin: string,
  request?: HttpRequest,
): Promise<boolean> => {
  if (request === undefined) return await originIsRegistered(facts.db, origin)
  const client_id = namedClient(request)
  if (client_id === undefined) return await originIsRegistered(facts.db, origin)
  return (await facts.clients.get(client_id))?.allowed_origins.includes(origin) ?? false
}

/** The client that a request says it is of, proved or not: this decides only who may read an answer. */
const namedClient = (request: HttpRequest): string | undefined => {
  const header = request.header('authorization') ?? ''
  const inForm = param(request.form, 'client_id')
  if (inForm !== undefined) return inForm
  if (/^basic /i.test(header))
    return decodeSafely(Buffer.from(header.slice(6), 'base64').toString().split(':')[0] ?? '')
  return /^bearer /i.test(header) ? claimOf(header.slice(7).trim()) : undefined
}

const decodeSafely = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

const claimOf = (token: string): string | undefined => {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString())
    return typeof claims === 'object' &&
      claims !== null &&
      'client_id' in claims &&
      typeof claims.client_id === 'string'
      ? claims.client_id
      : undefined
  } catch {
    return undefined
  }
}
