/** Owns the tables clients and client_secrets. */
import type { Query } from '../db/connect.ts'
import type { ClientSecretsRow, ClientsRow } from '../db/tables.gen.ts'

export type ClientSecret = Pick<ClientSecretsRow, 'id' | 'secret_hash' | 'hint' | 'created_at' | 'expires_at'>
/** An application with its live secrets: what authentication and the endpoints need. */
export type Client = ClientsRow & { secrets: ClientSecret[] }

/** One client with the secrets that have not expired. */
export const loadClient = async (tx: Query, client_id: string): Promise<Client | undefined> => {
  const [row] = await tx<ClientsRow[]>`select * from clients where client_id = ${client_id}`
  return row && (await withSecrets(tx, row))
}

/** The same, locked for a change. */
export const lockClient = async (tx: Query, client_id: string): Promise<Client | undefined> => {
  const [row] = await tx<ClientsRow[]>`select * from clients where client_id = ${client_id} for no key update`
  return row && (await withSecrets(tx, row))
}

const withSecrets = async (tx: Query, row: ClientsRow): Promise<Client> => {
  const { client_id } = row
  const secrets = await tx<ClientSecret[]>`
    select id, secret_hash, hint, created_at, expires_at from client_secrets where client_id = ${client_id} order by created_at desc`
  return { ...row, secrets }
}

export const findByManagedName = async (tx: Query, name: string): Promise<ClientsRow | undefined> => {
  const rows = await tx<ClientsRow[]>`select * from clients where managed_name = ${name} for update`
  return rows[0]
}

/** Tells whether an enabled client lists this origin. */
export const originIsRegistered = async (tx: Query, origin: string): Promise<boolean> => {
  const rows = await tx`select 1 from clients where ${origin} = any(allowed_origins) and status = 'enabled' limit 1`
  return rows.length > 0
}

export type ClientValues = Omit<ClientsRow, 'created_at' | 'updated_at'>

export const insertClient = async (tx: Query, values: ClientValues, now: Date): Promise<void> => {
  await tx`insert into clients ${tx({ ...values, created_at: now, updated_at: now } as never)}`
}

export const updateClient = async (
  tx: Query,
  client_id: string,
  values: Partial<ClientValues>,
  now: Date,
): Promise<boolean> =>
  (
    await tx`update clients set ${tx({ ...values, updated_at: now } as never)} where client_id = ${client_id} returning client_id`
  ).length === 1

export const deleteClient = async (tx: Query, client_id: string): Promise<boolean> =>
  (await tx`delete from clients where client_id = ${client_id} returning client_id`).length === 1

export const listClients = async (
  tx: Query,
  page: { limit: number; after?: { created_at: Date; client_id: string } },
): Promise<ClientsRow[]> =>
  page.after === undefined
    ? await tx<ClientsRow[]>`select * from clients order by created_at, client_id limit ${page.limit}`
    : await tx<ClientsRow[]>`
        select * from clients where (created_at, client_id) > (${page.after.created_at}, ${page.after.client_id})
        order by created_at, client_id limit ${page.limit}`

export const insertSecret = async (
  tx: Query,
  secret: { client_id: string; secret_hash: Buffer; hint: string; created_at: Date },
): Promise<void> => {
  await tx`insert into client_secrets ${tx(secret)}`
}

/** Keeps the newest secret until `until` and removes all older ones: at most two live secrets during a rotation. */
export const expireOldSecrets = async (tx: Query, client_id: string, until: Date): Promise<void> => {
  await tx`
    delete from client_secrets where client_id = ${client_id}
      and id not in (select id from client_secrets where client_id = ${client_id} order by created_at desc limit 1)`
  await tx`update client_secrets set expires_at = least(coalesce(expires_at, ${until}), ${until}) where client_id = ${client_id}`
}

/** The clients that act with the rights of a service account. */
export const clientIdsOfServiceAccount = async (tx: Query, user_id: string): Promise<string[]> => {
  const rows = await tx<{ client_id: string }[]>`
    select client_id from clients where service_account_id = ${user_id} order by client_id limit 10000`
  return rows.map((row) => row.client_id)
}

export const deleteSecret = async (tx: Query, client_id: string, id: string): Promise<boolean> =>
  (await tx`delete from client_secrets where client_id = ${client_id} and id::text = ${id} returning id`).length === 1

export const deleteSecrets = async (tx: Query, client_id: string): Promise<void> => {
  await tx`delete from client_secrets where client_id = ${client_id}`
}
