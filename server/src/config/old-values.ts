/**
 * Owns the way one old value takes to become ours: units, words, addresses, and addresses put together from parts.
 * Pure, and no note repeats a value that may be secret. Start reading at `convertOldValue`.
 */
import { isIP } from 'node:net'
import type { z } from 'zod'
import { checkProxy, isWeakSecret } from './check.ts'
import type { Conversion } from './old-names.ts'
import { rangeOf } from './print.ts'
import { signingAlgs } from './schema.ts'

/** Our value, if there is one, and a note (the end of a sentence that begins with the old name), if one is due. */
export type Converted = { value?: string; note?: string }

/** Converts one old value; `env` and `schema` are those of our setting, whose range a number is moved into. */
export const convertOldValue = (
  how: Conversion,
  value: string,
  target: { env: string; schema: z.ZodType },
): Converted => converters[how]?.(value, target) ?? { value }

type Converter = (value: string, target: { env: string; schema: z.ZodType }) => Converted

const day = 86_400
const unitSeconds: Record<string, number> = { s: 1, m: 60, h: 3600, d: day, w: 7 * day }

/** A number with or without a unit (900, 15m, 7 days); null when it is neither. */
export const parseDuration = (value: string, unit: number): number | null => {
  const [, digits, word] = /^(\d{1,12}(?:\.\d{1,6})?)\s*([a-z]*)$/i.exec(value.trim()) ?? []
  if (digits === undefined || word === undefined) return null
  if (/^(ms|milliseconds?)$/i.test(word)) return Math.ceil(Number(digits) / 1000)
  const factor = word === '' ? unit : unitSeconds[word.charAt(0).toLowerCase()]
  return factor === undefined ? null : Math.ceil(Number(digits) * factor)
}

/** Requests per minute from 100, 100/minute, 5 per hour, 20/15minutes; null when it is none of these. */
export const parseRate = (value: string, seconds: number): number | null => {
  const [, times, span] = /^(\d{1,9})(?:\s*(?:\/|per)\s*(.+))?$/i.exec(value.trim()) ?? []
  const length = span === undefined ? seconds : parseDuration(/^\d/.test(span) ? span : `1${span}`, 1)
  if (times === undefined || length === null || length === 0) return null
  return Math.max(1, Math.round((Number(times) * 60) / length))
}

/** A number moved into what our setting takes, with a note when it was moved. */
export const fitNumber: (wanted: number | null, target: Parameters<Converter>[1]) => Converted = (wanted, target) => {
  if (wanted === null) return { note: `is not a number that ${target.env} could take; its default stays.` }
  const { minimum, maximum } = rangeOf(target.schema) ?? { minimum: wanted, maximum: wanted }
  const fitted = Math.min(Math.max(wanted, minimum), maximum)
  const note = `would be ${wanted}, but ${target.env} takes ${minimum} to ${maximum}: ${fitted} was written.`
  return fitted === wanted ? { value: String(fitted) } : { value: String(fitted), note }
}

const duration =
  (unit: number): Converter =>
  (value, target) =>
    fitNumber(parseDuration(value, unit), target)
const rate =
  (seconds: number): Converter =>
  (value, target) =>
    fitNumber(parseRate(value, seconds), target)

/** True, false, or null for a word that is neither. */
export const parseFlag = (value: string): boolean | null => {
  if (/^(true|1|yes|on|enabled)$/i.test(value.trim())) return true
  return /^(false|0|no|off|disabled|none)$/i.test(value.trim()) ? false : null
}

const flagTo =
  (yes: string, no: string): Converter =>
  (value, { env }) => {
    const flag = parseFlag(value)
    return flag === null
      ? { note: `is neither true nor false; the default of ${env} stays.` }
      : { value: flag ? yes : no }
  }

const toIssuer: Converter = (value) => {
  if (!/^https?:\/\//i.test(value) || !URL.canParse(value)) {
    return { note: 'is no http or https address, and an issuer must be one; set KEYWRIGHT_ISSUER yourself.' }
  }
  const { origin, pathname } = new URL(value)
  return { value: `${origin}${pathname}`.replace(/\/+$/, '') }
}

const levels: Record<string, string> = {
  critical: 'fatal',
  warning: 'warn',
  notice: 'info',
  http: 'info',
  verbose: 'debug',
  trace: 'debug',
  off: 'silent',
}

const toAlgs: Converter = (value) => {
  const asked = value.split(/[\s,]+/)
  const known = signingAlgs.filter((alg) => asked.some((word) => word.toUpperCase() === alg.toUpperCase()))
  if (known.length === 0) {
    return { note: 'names no algorithm that Keywright signs with (RS256, ES256, PS256, EdDSA); RS256 is used.' }
  }
  return { value: [...new Set([...known, 'RS256'])].join(',') }
}

const toSecret: Converter = (value) =>
  value.length >= 32 && !isWeakSecret(value)
    ? { value, note: 'was kept as KEYWRIGHT_ROOT_SECRET; if anyone else knows it, use `openssl rand -base64 48`.' }
    : { note: 'is too short or too easy to guess; make a KEYWRIGHT_ROOT_SECRET with `openssl rand -base64 48`.' }

const toProxies: Converter = (value) => {
  const entries = value.split(/[\s,]+/).filter((entry) => entry !== '')
  const fit = entries.filter((entry) => checkProxy(entry) === undefined)
  const note = 'holds something other than the addresses of proxies, which was left out (KEYWRIGHT_TRUSTED_PROXIES).'
  if (fit.length === 0) return { note }
  return fit.length === entries.length ? { value: fit.join(',') } : { value: fit.join(','), note }
}

const toDatabase: Converter = (value) => {
  if (/^sqlite/i.test(value)) {
    return {
      note: 'is a sqlite: address. Keywright runs on PostgreSQL: without DATABASE_URL it brings its own. The rows of the old file are not moved.',
    }
  }
  if (!/^postgres(ql)?(\+\w+)?:\/\//i.test(value)) {
    return {
      note: 'is no PostgreSQL address. Without DATABASE_URL Keywright brings its own PostgreSQL. The old rows are not moved.',
    }
  }
  // Prisma reads these from the address; PostgreSQL would refuse them as unknown settings.
  const bare = value.replace(/([?&])(?:schema|connection_limit|pool_timeout|pgbouncer)=[^&]*(?=&|$)/g, '$1')
  return {
    value: bare
      .replace(/^(postgres(?:ql)?)\+\w+:/i, '$1:')
      .replace(/^\w+/, (scheme) => scheme.toLowerCase())
      .replace(/\?&+/, '?')
      .replace(/[?&]+$/, ''),
  }
}

const toRedis: Converter = (value) =>
  /^rediss?:\/\//.test(value)
    ? { value }
    : { note: 'is no redis:// address and was left out; PostgreSQL keeps what is shared.' }

const converters: Partial<Record<Conversion, Converter>> = {
  flag: flagTo('on', 'off'),
  count: (value, target) => fitNumber(/^\d{1,12}$/.test(value.trim()) ? Number(value) : null, target),
  seconds: duration(1),
  minutes: duration(60),
  hours: duration(3600),
  days: duration(day),
  per_second: rate(1),
  per_minute: rate(60),
  per_hour: rate(3600),
  issuer: toIssuer,
  profile: (value) => ({ value: /^(prod|stag|live)/i.test(value.trim()) ? 'production' : 'development' }),
  level: (value) => ({ value: levels[value.trim().toLowerCase()] ?? value.trim().toLowerCase() }),
  algs: toAlgs,
  secret: toSecret,
  registration: flagTo('token', 'off'),
  proxies: toProxies,
  database: toDatabase,
  redis: toRedis,
}

/** What one of our settings becomes from several old names: `from` says which one stood for the rest. */
export type Composed = { env: string; from: string } & Converted

/** Puts together what the old systems kept apart: database, Redis, mail server, and a rate with its window. */
export const composeParts = (old: ReadonlyMap<string, string>): Composed[] => {
  const first = (names: string) => names.split(' ').find((name) => old.has(name))
  const read = (names: string) => old.get(first(names) ?? '')
  return [
    composeDatabase(first, read),
    composeAddress({
      env: 'REDIS_URL',
      from: first('REDIS_HOST'),
      scheme: 'redis',
      user: read('REDIS_USERNAME') ?? '',
      password: read('REDIS_PASSWORD'),
      host: read('REDIS_HOST') ?? '',
      port: read('REDIS_PORT') ?? '6379',
      name: read('REDIS_DB'),
    }),
    composeMail(first, read),
    composeRate(first, read),
  ].filter((composed) => composed !== undefined)
}

type First = (names: string) => string | undefined

const composeDatabase = (first: First, read: First): Composed | undefined => {
  const from = first('DB_HOST POSTGRES_HOST POSTGRES_SERVER')
  const kind = read('DB_TYPE DB_ENGINE DB_DIALECT DATABASE_TYPE')
  if (from !== undefined && kind !== undefined && !/postgres/i.test(kind)) {
    return {
      env: 'DATABASE_URL',
      from,
      note: 'belongs to a database that is not PostgreSQL and was left out. The old rows are not moved.',
    }
  }
  return composeAddress({
    env: 'DATABASE_URL',
    from,
    scheme: 'postgres',
    user: read('DB_USER DB_USERNAME POSTGRES_USER') ?? 'postgres',
    password: read('DB_PASSWORD DB_PASS POSTGRES_PASSWORD'),
    host: read('DB_HOST POSTGRES_HOST POSTGRES_SERVER') ?? '',
    port: read('DB_PORT POSTGRES_PORT') ?? '5432',
    name: read('DB_NAME DB_DATABASE POSTGRES_DB') ?? 'postgres',
  })
}

const composeMail = (first: First, read: First): Composed | undefined => {
  const given = read('SMTP_PORT MAIL_PORT EMAIL_PORT')
  const isTls = given === '465' || parseFlag(read('SMTP_SSL SMTP_SECURE SMTP_USE_SSL') ?? '') === true
  return composeAddress({
    env: 'KEYWRIGHT_SMTP_URL',
    from: first('SMTP_HOST SMTP_SERVER MAIL_SERVER MAIL_HOST EMAIL_HOST'),
    scheme: isTls ? 'smtps' : 'smtp',
    user: read('SMTP_USER SMTP_USERNAME MAIL_USERNAME EMAIL_HOST_USER') ?? '',
    password: read('SMTP_PASSWORD SMTP_PASS MAIL_PASSWORD EMAIL_HOST_PASSWORD'),
    host: read('SMTP_HOST SMTP_SERVER MAIL_SERVER MAIL_HOST EMAIL_HOST') ?? '',
    port: given ?? (isTls ? '465' : '587'),
    name: undefined,
  })
}

const composeRate = (first: First, read: First): Composed | undefined => {
  const from = first('RATE_LIMIT_REQUESTS RATE_LIMIT_MAX_REQUESTS RATE_LIMIT_MAX')
  if (from === undefined) return undefined
  const millis = read('RATE_LIMIT_WINDOW_MS')
  const span =
    millis === undefined ? read('RATE_LIMIT_WINDOW_SECONDS RATE_LIMIT_WINDOW RATE_LIMIT_PERIOD') : `${millis}ms`
  const perMinute = parseRate(read(from) ?? '', parseDuration(span ?? '60', 1) ?? 60)
  const note = 'is not a number of requests; the default of KEYWRIGHT_LIMIT_ADDRESS stays.'
  return { env: 'KEYWRIGHT_LIMIT_ADDRESS', from, ...(perMinute === null ? { note } : { value: String(perMinute) }) }
}

type Address = {
  env: string
  from: string | undefined
  scheme: string
  user: string
  password: string | undefined
  host: string
  port: string
  name: string | undefined
}

const composeAddress = ({ env, from, scheme, user, password, host, port, name }: Address): Composed | undefined => {
  if (from === undefined) return undefined
  const secret = password === undefined ? '' : `:${encodeURIComponent(password)}`
  const who = user === '' && secret === '' ? '' : `${encodeURIComponent(user)}${secret}@`
  const where = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`
  return { env, from, value: `${scheme}://${who}${where}${name === undefined ? '' : `/${encodeURIComponent(name)}`}` }
}
