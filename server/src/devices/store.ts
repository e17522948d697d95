/** Owns the table devices: one row for each person and each browser in which they have signed in. */
import type { Query } from '../db/connect.ts'
import type { DevicesRow } from '../db/tables.gen.ts'
import type { TokenHash } from '../protocol/opaque-token.ts'
import type { Place } from '../protocol/session.ts'

/** What a sign-in shows of the browser it came from. */
export type Seen = { user_agent: string | null; ip: string; place: Place | null; now: Date }

export type KnownDevice = Pick<DevicesRow, 'id' | 'trusted_until'>

/** The device that a key names for one person. */
export const findDevice = async (tx: Query, user_id: string, key_hash: TokenHash): Promise<KnownDevice | undefined> => {
  const rows = await tx<KnownDevice[]>`
    select id, trusted_until from devices where user_id = ${user_id} and key_hash = ${key_hash}`
  return rows[0]
}

/** Writes down that a known device was used to sign in. Undefined when it is not known. */
export const updateSeen = async (
  tx: Query,
  { user_id, key_hash }: { user_id: string; key_hash: TokenHash },
  seen: Seen,
): Promise<string | undefined> => {
  const rows = await tx<{ id: string }[]>`
    update devices set user_agent = ${seen.user_agent}, ip = ${seen.ip}, place = ${json(tx, seen.place)}, last_seen_at = ${seen.now}
    where user_id = ${user_id} and key_hash = ${key_hash} returning id`
  return rows[0]?.id
}

/** Gives everybody's row of one browser its new key. In one order, so that two sign-ins at once do not wait in a circle. */
export const rekeyDevices = async (tx: Query, from: TokenHash, to: TokenHash): Promise<void> => {
  await tx`
    update devices set key_hash = ${to}
    where id in (select id from devices where key_hash = ${from} order by id for update)`
}

/**
 * Makes a device known. Returns whether that is news for its owner: they have others, and the same browser did not become
 * known a moment ago already, as after a double click.
 */
export const insertDevice = async (
  tx: Query,
  { id, user_id, key_hash }: { id: string; user_id: string; key_hash: TokenHash },
  seen: Seen,
): Promise<boolean> => {
  const { user_agent, ip, now } = seen
  const minuteAgo = new Date(now.getTime() - 60_000)
  const rows = await tx<{ is_new: boolean }[]>`
    insert into devices (id, user_id, key_hash, user_agent, ip, place, created_at, last_seen_at)
    values (${id}, ${user_id}, ${key_hash}, ${user_agent}, ${ip}, ${json(tx, seen.place)}, ${now}, ${now})
    returning exists (select 1 from devices o where o.user_id = ${user_id}) and not exists (
      select 1 from devices o where o.user_id = ${user_id} and o.created_at > ${minuteAgo} and o.ip = ${ip}
        and o.user_agent is not distinct from ${user_agent}) as is_new`
  return rows[0]?.is_new ?? true
}

/** Lets sign-ins of one person that make a device known go one after the other, until the transaction ends. */
export const lockDevicesOf = async (tx: Query, user_id: string): Promise<void> => {
  await tx`select pg_advisory_xact_lock(hashtextextended(${`devices|${user_id}`}, 0))`
}

/** Sets until when a device stands in for a second factor; null takes that back. */
export const updateTrust = async (tx: Query, device_id: string, trusted_until: Date | null): Promise<void> => {
  await tx`update devices set trusted_until = ${trusted_until} where id = ${device_id}`
}

/** Takes the trust in every device of a person back. */
export const removeTrust = async (tx: Query, user_id: string): Promise<void> => {
  await tx`update devices set trusted_until = null where user_id = ${user_id} and trusted_until is not null`
}

export type OwnDevice = Omit<DevicesRow, 'user_id' | 'key_hash' | 'place'> & { place: Place | null }

/** The devices of one person, the last used first. A session that is alive has seen its device since the sign-in. */
export const listOfUser = async (tx: Query, user_id: string): Promise<OwnDevice[]> =>
  await tx<OwnDevice[]>`
    select d.id, d.user_agent, d.ip, d.place, d.created_at, d.trusted_until, greatest(d.last_seen_at, s.last_seen_at) as last_seen_at
    from devices d
      left join lateral (select max(last_seen_at) as last_seen_at from sessions where device_id = d.id and ended_at is null) s on true
    where d.user_id = ${user_id} order by last_seen_at desc limit 100`

/** Holds a device of a person until the transaction ends. False when it is not theirs, or gone. */
export const holdDevice = async (tx: Query, user_id: string, device_id: string): Promise<boolean> =>
  (await tx`select 1 from devices where id = ${device_id} and user_id = ${user_id} for update`).length === 1

export const deleteDevice = async (tx: Query, device_id: string): Promise<void> => {
  await tx`delete from devices where id = ${device_id}`
}

/** Deletes every device of a person; returns how many there were. */
export const deleteAllOf = async (tx: Query, user_id: string): Promise<number> =>
  (await tx`delete from devices where user_id = ${user_id}`).count

/** Removes devices that nobody has used since an instant. At most `limit`; returns how many. */
export const removeDevices = async (tx: Query, before: Date, limit: number): Promise<number> => {
  const { count } = await tx`
    delete from devices where ctid = any (array(select ctid from devices where last_seen_at < ${before} limit ${limit}))`
  return count
}

const json = (tx: Query, place: Place | null) => (place === null ? null : tx.json(place))
