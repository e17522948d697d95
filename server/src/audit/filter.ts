/**
 * Owns by what events are searched, exported and counted: one filter for the API and the command line. Times become spans of
 * ids, which are UUIDs of their time: every index that begins with what is asked for then serves the span and the order, too.
 */
import { isIP } from 'node:net'
import type postgres from 'postgres'
import type { Query } from '../db/connect.ts'
import { catalog, type EventType } from '../events/catalog.ts'
import { type Denial, deny, shown } from '../protocol/errors.ts'

/** Absent members filter nothing. `from` is part of the span, `to` is not. */
export type Filter = {
  user_id?: string | undefined
  actor_id?: string | undefined
  types?: readonly EventType[] | undefined
  from?: Date | undefined
  to?: Date | undefined
  outcome?: 'success' | 'failure' | undefined
  severity?: 'info' | 'notice' | 'warning' | 'alert' | undefined
  client_id?: string | undefined
  /** An address, or a network as address/length. */
  ip?: string | undefined
  request_id?: string | undefined
}

/** How a filter is written: in the query of the API, in options of the command line. */
export type FilterText = {
  [N in 'user_id' | 'by' | 'type' | 'from' | 'to' | 'outcome' | 'severity' | 'client_id' | 'ip' | 'request_id']?:
    | string
    | undefined
}

/** Reads a filter. A type that ends in `.*` stands for all of that noun. */
export const parseFilter = (text: FilterText): Filter | Denial => {
  const types = text.type === undefined ? undefined : typesOf(text.type)
  if (types?.length === 0) return bad('type', 'types of events, such as user.created,login.*', text.type)
  const from = instantOf(text.from)
  if (from === null) return bad('from', 'an instant such as 2026-01-31T00:00:00Z', text.from)
  const to = instantOf(text.to)
  if (to === null) return bad('to', 'an instant such as 2026-01-31T00:00:00Z', text.to)
  const { outcome, severity, ip } = text
  if (outcome !== undefined && !isOutcome(outcome)) return bad('outcome', 'success or failure', outcome)
  if (severity !== undefined && !isSeverity(severity))
    return bad('severity', 'info, notice, warning or alert', severity)
  if (ip !== undefined && !isNetwork(ip)) return bad('ip', 'an address, or a network such as 192.0.2.0/24', ip)
  const { user_id, by: actor_id, client_id, request_id } = text
  return { user_id, actor_id, types, from, to, outcome, severity, client_id, ip, request_id }
}

const bad = (name: string, expected: string, got: string | undefined): Denial =>
  deny('invalid_request', `${name}: expected ${expected}.`, {
    rule: 'the filter can be read (G-6)',
    expected,
    got: shown(got),
  })

const known = Object.keys(catalog) as EventType[]

/** Every type that a list names; none when one of its members names nothing. */
const typesOf = (text: string): EventType[] => {
  const named = text.split(',').map((part) => typesNamed(part.trim()))
  return named.some((types) => types.length === 0) ? [] : [...new Set(named.flat())]
}

/** The types that a name stands for; none for one that is none. */
export const typesNamed = (name: string): EventType[] =>
  name.endsWith('.*')
    ? known.filter((type) => type.startsWith(name.slice(0, -1)))
    : known.filter((type) => type === name)

/** Undefined where nothing is said, null where it is no instant. */
const instantOf = (text: string | undefined): Date | undefined | null => {
  if (text === undefined) return undefined
  const instant = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text)
    ? new Date(text)
    : undefined
  return instant === undefined || Number.isNaN(instant.getTime()) ? null : instant
}

const isOutcome = (text: string): text is 'success' | 'failure' => text === 'success' || text === 'failure'
const isSeverity = (text: string): text is NonNullable<Filter['severity']> => Object.hasOwn(severities, text)

const isNetwork = (text: string): boolean => {
  const [address = '', length, ...more] = text.split('/')
  const version = isIP(address)
  if (version === 0 || more.length > 0 || address.includes('%')) return false
  return length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= (version === 4 ? 32 : 128))
}

/** Written out: an index of what is rare is found only by a statement that names it. */
const severities = {
  info: (tx: Query) => tx`severity = 'info'`,
  notice: (tx: Query) => tx`severity = 'notice'`,
  warning: (tx: Query) => tx`severity = 'warning'`,
  alert: (tx: Query) => tx`severity = 'alert'`,
}

const outcomes = {
  success: (tx: Query) => tx`outcome = 'success'`,
  failure: (tx: Query) => tx`outcome = 'failure'`,
}

type Fragment = postgres.PendingQuery<postgres.Row[]>

/** The conditions. */
export const conditions = (tx: Query, filter: Filter): Fragment => {
  const { types, user_id, actor_id, from, to, outcome, severity, client_id, ip, request_id } = filter
  const all: (Fragment | undefined)[] = [
    types === undefined ? undefined : tx`type = any (${[...types]}::text[])`,
    user_id === undefined ? undefined : tx`user_id = ${user_id}`,
    actor_id === undefined ? undefined : tx`actor_id = ${actor_id}`,
    client_id === undefined ? undefined : tx`client_id = ${client_id}`,
    request_id === undefined ? undefined : tx`request_id = ${request_id}`,
    outcome === undefined ? undefined : outcomes[outcome](tx),
    severity === undefined ? undefined : severities[severity](tx),
    ip === undefined ? undefined : withinNetwork(tx, ip),
    from === undefined ? undefined : tx`id >= ${firstIdAt(from)}::uuid`,
    to === undefined ? undefined : tx`id < ${firstIdAt(to)}::uuid`,
  ]
  return all.filter((one) => one !== undefined).reduce((one, other) => tx`${one} and ${other}`, tx`true`)
}

/** Between the first and the last address of a network, which an index of addresses finds. */
export const withinNetwork = (tx: Query, ip: string): Fragment =>
  ip.includes('/')
    ? tx`ip is not null and ip::inet >= network(${ip}::inet)::inet
        and ip::inet <= set_masklen(broadcast(${ip}::inet), case family(${ip}::inet) when 4 then 32 else 128 end)`
    : tx`ip is not null and ip::inet = ${ip}::inet`

/** The least UUIDv7 of an instant. */
export const firstIdAt = (instant: Date): string => {
  const stamp = Math.min(Math.max(instant.getTime(), 0), 0xffff_ffff_ffff).toString(16).padStart(12, '0')
  return `${stamp.slice(0, 8)}-${stamp.slice(8)}-0000-0000-000000000000`
}
