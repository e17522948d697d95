/**
 * Owns the way from an address to a place on earth: a file in MaxMind's format that the operator brings. Never asks anybody
 * over the network; without a file every place is unknown. Start reading at `createPlaces`.
 */
import { readFile, stat } from 'node:fs/promises'
import ipaddr from 'ipaddr.js'
import type { Reader, Response } from 'maxmind'
import { StartError } from '../config/start-error.ts'
import type { Place } from '../protocol/session.ts'

export type Places = {
  /** Where an address is. Undefined without a file, for private and reserved addresses, and for what the file does not know. */
  find: (ip: string) => Place | undefined
  /**
   * Reads the file when it is not the one that was read last; looked at every minute. Throws StartError when it cannot be
   * used: at the start nobody may go on without it; later what was read before goes on to serve.
   */
  refresh: () => Promise<void>
}

type State = { reader: Reader<Response> | undefined; stamp: string }

/** Prepares the lookup; nothing is read before the first `refresh`. */
export const createPlaces = (file: string | undefined): Places => {
  const state: State = { reader: undefined, stamp: '' }
  return {
    find: (ip) => (state.reader === undefined ? undefined : find(state.reader, ip)),
    refresh: async () => (file === undefined ? undefined : await refresh(state, file)),
  }
}

const refresh = async (state: State, file: string): Promise<void> => {
  const stamp = await stampOf(file)
  if (stamp === state.stamp) return
  state.reader = await open(file)
  state.stamp = stamp
}

/** Another file has another inode, a file that was written over another time or size. */
const stampOf = async (file: string): Promise<string> => {
  const { ino, mtimeMs, size } = await stat(file).catch(cannotRead(file))
  return `${ino}|${mtimeMs}|${size}`
}

const open = async (file: string): Promise<Reader<Response>> => {
  const content = await readFile(file).catch(cannotRead(file))
  // Only who has a file pays for the library.
  const maxmind = await import('maxmind')
  const reader = attempt(() => new maxmind.Reader<Response>(content))
  if (reader === undefined) throw unusable(file, 'it is no database in MaxMind DB format, or not a whole one')
  const { databaseType, searchTreeSize } = reader.metadata
  if (!/city|country|enterprise/i.test(databaseType))
    throw unusable(file, `it is a database of the type ${databaseType.slice(0, 60)}, not of cities or countries`)
  // What was read so far stands at the end of the file.
  if (!(searchTreeSize < content.length)) throw unusable(file, 'its beginning is missing')
  return reader
}

const cannotRead =
  (file: string) =>
  (error: unknown): never => {
    throw unusable(file, `it cannot be read (${codeOf(error)})`)
  }

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason'

const unusable = (file: string, why: string): StartError =>
  new StartError(
    `The file of places ${file} cannot be used: ${why}. Give a City or Country database in MaxMind DB format with KEYWRIGHT_GEOIP_FILE=…, or none.`,
  )

/** The reader throws whatever comes of bytes that mean nothing. */
const attempt = <T>(work: () => T): T | undefined => {
  try {
    return work()
  } catch {
    return undefined
  }
}

const find = (reader: Reader<Response>, ip: string): Place | undefined => {
  const address = publicAddress(ip)
  if (address === undefined || (address.kind() === 'ipv6' && reader.metadata.ipVersion === 4)) return undefined
  const record: unknown = attempt(() => reader.get(address.toString()))
  const country = part(record, 'country')
  const country_code = part(country, 'iso_code')
  if (typeof country_code !== 'string' || !/^[A-Z]{2}$/.test(country_code)) return undefined
  const city = nameOf(part(record, 'city'))
  return {
    country: nameOf(country) ?? country_code,
    country_code,
    ...(city !== undefined && { city }),
    ...pointOf(part(record, 'location')),
  }
}

const publicAddress = (ip: string): ReturnType<typeof ipaddr.process> | undefined => {
  const address = ipaddr.isValid(ip) ? ipaddr.process(ip) : undefined
  return address?.range() === 'unicast' ? address : undefined
}

/** Whoever made the file decides what is in it: every step may be missing. */
const part = (record: unknown, name: string): unknown =>
  typeof record === 'object' && record !== null ? (record as Record<string, unknown>)[name] : undefined

const nameOf = (record: unknown): string | undefined => {
  const name = part(part(record, 'names'), 'en')
  return typeof name === 'string' && name !== '' ? name.slice(0, 100) : undefined
}

const pointOf = (location: unknown): Pick<Place, 'latitude' | 'longitude' | 'accuracy_km'> => {
  const [latitude, longitude, radius] = ['latitude', 'longitude', 'accuracy_radius'].map((name) => part(location, name))
  if (!isWithin(latitude, 90) || !isWithin(longitude, 180)) return {}
  return { latitude, longitude, ...(isWithin(radius, 20_000) && radius > 0 && { accuracy_km: radius }) }
}

const isWithin = (value: unknown, bound: number): value is number =>
  typeof value === 'number' && Math.abs(value) <= bound
