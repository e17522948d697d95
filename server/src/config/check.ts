/**
 * Owns the rules that one setting's schema cannot say: addresses, what production refuses, settings that contradict.
 * Pure: never reads the environment or a file, and no sentence holds a secret. Start reading at `rules`.
 */
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { mailRules } from './check-mail.ts'
import { defaultIssuer, quoted } from './print.ts'
import { checkAddress, type Finding, isProduction, notice, problem, type Rule } from './rule.ts'
import type { Config } from './schema.ts'

export type { Finding } from './rule.ts'

/**
 * Holds a complete configuration against every rule. A rule that reads a setting in `failed` (already refused on its
 * own) is left out, because its verdict would rest on a value that nobody gave.
 */
export const checkConfig = (config: Config, failed: ReadonlySet<string> = new Set()): Finding[] =>
  rules
    .filter(({ reads }) => !reads.some((name) => failed.has(name)))
    .flatMap(({ level, reads, check }) => [check(config) ?? []].flat().map((text) => ({ level, reads, text })))

/** Whether the issuer is one of the three addresses that only this machine reaches: localhost, 127.0.0.1, [::1]. */
export const isLoopbackIssuer = (issuer: string): boolean =>
  ['localhost', '127.0.0.1', '[::1]'].includes(new URL(issuer).hostname)

const isHttp = (issuer: string): boolean => new URL(issuer).protocol === 'http:'

const checkIssuerForm = ({ issuer }: Config): string[] => {
  const url = new URL(issuer)
  const problems = [
    // RFC 8414 §2: no query or fragment components. An empty one counts: the string is compared byte by byte.
    issuer.includes('?') && 'KEYWRIGHT_ISSUER: an issuer has no query (RFC 8414 §2).',
    issuer.includes('#') && 'KEYWRIGHT_ISSUER: an issuer has no fragment (RFC 8414 §2).',
    (url.username !== '' || url.password !== '') && 'KEYWRIGHT_ISSUER: an issuer has no user name or password.',
  ].filter((text) => text !== false)
  if (problems.length > 0) return problems
  const written = url.href.replace(/\/+$/, '')
  return written === issuer ? [] : [`KEYWRIGHT_ISSUER: write it as ${written}, the form that clients compare with.`]
}

const checkHost = ({ host }: Config): string | undefined =>
  host.includes(':') && isIP(host) !== 6
    ? 'KEYWRIGHT_HOST: expected a host name or an address alone; the port goes into PORT.'
    : undefined

const databaseKinds = ['mysql', 'mariadb', 'mongodb', 'mssql', 'oracle', 'file']

const checkDatabaseUrl = ({ database_url: url }: Config): string | undefined => {
  if (url === undefined) return undefined
  if (/^sqlite/i.test(url)) {
    return 'DATABASE_URL: this is a sqlite: address, but Keywright runs on PostgreSQL only: remove it to use the PostgreSQL inside, or give a postgres:// address.'
  }
  if (/^postgres(ql)?\+\w+:/i.test(url)) {
    return 'DATABASE_URL: expected a postgres:// or postgresql:// address without the name of a driver after the plus sign.'
  }
  if (/^postgres(ql)?:\/\//.test(url)) return checkPostgresUrl(url)
  const kind = databaseKinds.find((name) => url.toLowerCase().startsWith(name))
  return `DATABASE_URL: expected a postgres:// or postgresql:// address, got ${kind ? `a ${kind} one` : 'something else'}.`
}

/** Several hosts with commas are a form of PostgreSQL that is no URL, so each host is looked at on its own. */
const checkPostgresUrl = (url: string): string | undefined => {
  const [form, hosts = ''] = /^\w+:\/\/(?:[^@/?#\s]*@)?([^@/?#\s]*)(?:\/[^?#\s]*)?(?:\?[^#\s]*)?$/.exec(url) ?? []
  const isWellFormed = form !== undefined && hosts.split(',').every((host) => URL.canParse(`postgres://${host}`))
  return isWellFormed && !/%(?![0-9a-f]{2})/i.test(url)
    ? undefined
    : 'DATABASE_URL: expected postgres://user:password@host:port/name; signs such as # / @ % in the password are written as %23 %2F %40 %25.'
}

/** PX-1: a range this wide is no list of proxies any more; 10.0.0.0/8 and fc00::/7 are the widest private ones. */
const widestRange = { ipv4: 8, ipv6: 7 }

/** Holds one entry of the proxy list against PX-1; a sentence when it is refused. */
export const checkProxy = (entry: string): string | undefined => {
  const [address = '', bits, ...rest] = entry.split('/')
  const version = address.includes('%') ? 0 : isIP(address)
  const size = version === 4 ? 32 : 128
  const prefix = bits === undefined ? size : Number(/^\d{1,3}$/.test(bits) ? bits : Number.NaN)
  const shown = quoted(entry)
  if (version === 0 || rest.length > 0 || !(prefix <= size)) {
    return `KEYWRIGHT_TRUSTED_PROXIES: expected addresses or CIDR ranges, comma separated, got ${shown}.`
  }
  return isWide(address, prefix)
    ? `KEYWRIGHT_TRUSTED_PROXIES: ${shown} would believe everyone's forwarded header; name the proxies, or a range no wider than an IPv4 /8 or an IPv6 /7.`
    : undefined
}

/** ::ffff:0:0/96 holds all of IPv4, so a range around it is as wide as 0.0.0.0/0. */
const isWide = (address: string, prefix: number): boolean => {
  const parsed = ipaddr.parse(address)
  if (parsed instanceof ipaddr.IPv4) return prefix < widestRange.ipv4
  if (prefix < widestRange.ipv6) return true
  const mapped = ipaddr.IPv6.parse('::ffff:0:0')
  return prefix <= 96 ? mapped.match(parsed, prefix) : parsed.isIPv4MappedAddress() && prefix - 96 < widestRange.ipv4
}

const checkOutboundAllow = ({ outbound_allow }: Config): string[] =>
  outbound_allow
    .filter((entry) => {
      const [, host = '', bracketed, port] = /^((?:[\w.-]+)|\[([^\]]*)\]):(\d{1,5})$/.exec(entry) ?? []
      const isHost = bracketed === undefined ? host !== '' : isIP(bracketed) === 6
      return !isHost || Number(port) < 1 || Number(port) > 65_535
    })
    .map((entry) => `KEYWRIGHT_OUTBOUND_ALLOW: expected host:port, got ${quoted(entry)}.`)

/** Values from examples and placeholders; the first thing that an attacker tries. */
const exampleWords =
  /change.?(me|this|it)|replace.?(me|this)|your.?(\w+.?)?(secret|key)|super.?secret|do.?not.?use|example|placeholder/i

/** Few different characters, a short pattern over and over, or words from an example: no secret at all. */
export const isWeakSecret = (secret: string | undefined): boolean =>
  secret !== undefined &&
  (new Set(secret).size < 6 || /^(.{1,8}?)\1+.{0,7}$/s.test(secret) || exampleWords.test(secret))

const rules: readonly Rule[] = [
  problem(['issuer'], checkIssuerForm),
  problem(['port'], ({ port, issuer }) =>
    port === 0 && issuer === defaultIssuer(0)
      ? 'PORT: 0 means any free port, and nobody can know the issuer then: set KEYWRIGHT_ISSUER too.'
      : undefined,
  ),
  problem(['host'], checkHost),
  problem(['database_url'], checkDatabaseUrl),
  problem(['redis_url'], ({ redis_url }) => checkAddress('REDIS_URL', ['redis:', 'rediss:'], redis_url)),
  ...mailRules,
  problem(['trusted_proxies'], ({ trusted_proxies }) => trusted_proxies.flatMap((entry) => checkProxy(entry) ?? [])),
  problem(['outbound_allow'], checkOutboundAllow),

  problem(['refresh_idle_seconds', 'refresh_absolute_seconds'], (config) =>
    config.refresh_idle_seconds > config.refresh_absolute_seconds
      ? `KEYWRIGHT_REFRESH_IDLE_SECONDS: ${config.refresh_idle_seconds} is longer than KEYWRIGHT_REFRESH_ABSOLUTE_SECONDS (${config.refresh_absolute_seconds}), so it could never count.`
      : undefined,
  ),
  problem(['session_idle_seconds', 'session_absolute_seconds'], (config) =>
    config.session_idle_seconds > config.session_absolute_seconds
      ? `KEYWRIGHT_SESSION_IDLE_SECONDS: ${config.session_idle_seconds} is longer than KEYWRIGHT_SESSION_ABSOLUTE_SECONDS (${config.session_absolute_seconds}), so it could never count.`
      : undefined,
  ),
  problem(['key_publish_seconds', 'key_rotate_seconds'], (config) =>
    config.key_publish_seconds >= config.key_rotate_seconds
      ? `KEYWRIGHT_KEY_PUBLISH_SECONDS: ${config.key_publish_seconds} is not shorter than KEYWRIGHT_KEY_ROTATE_SECONDS (${config.key_rotate_seconds}), so a key would be replaced before it signs.`
      : undefined,
  ),
  problem(['throttle_free', 'throttle_hard_cap'], (config) =>
    config.throttle_free >= config.throttle_hard_cap
      ? `KEYWRIGHT_THROTTLE_FREE: ${config.throttle_free} is not below KEYWRIGHT_THROTTLE_HARD_CAP (${config.throttle_hard_cap}), so no attempt would ever be delayed.`
      : undefined,
  ),

  problem(['profile', 'issuer'], (config) =>
    isProduction(config) && isHttp(config.issuer) && !isLoopbackIssuer(config.issuer)
      ? 'KEYWRIGHT_ISSUER: production needs an https address; http is accepted for localhost, 127.0.0.1 and [::1] only.'
      : undefined,
  ),
  problem(['profile', 'root_secret'], (config) =>
    isProduction(config) && config.root_secret === undefined
      ? 'KEYWRIGHT_ROOT_SECRET: production needs one, at least 32 characters, for example from `openssl rand -base64 48`; KEYWRIGHT_ROOT_SECRET_FILE may name a file that holds it.'
      : undefined,
  ),
  problem(['profile', 'root_secret'], (config) =>
    isProduction(config) && isWeakSecret(config.root_secret)
      ? 'KEYWRIGHT_ROOT_SECRET: this one can be guessed (a pattern, or words from an example); make one with `openssl rand -base64 48`.'
      : undefined,
  ),
  problem(['profile', 'limits'], (config) =>
    isProduction(config) && !config.limits ? 'KEYWRIGHT_LIMITS: off is accepted in development only.' : undefined,
  ),

  notice(['profile', 'issuer'], (config) =>
    !isProduction(config) && isHttp(config.issuer) && !isLoopbackIssuer(config.issuer)
      ? 'KEYWRIGHT_ISSUER is an http address that other machines reach: passwords and tokens travel in clear. Production refuses it.'
      : undefined,
  ),
  notice(['profile', 'issuer'], (config) =>
    isProduction(config) && isLoopbackIssuer(config.issuer)
      ? `The issuer is ${config.issuer}, which only this machine can reach. Set KEYWRIGHT_ISSUER to the public address.`
      : undefined,
  ),
  notice(['profile', 'issuer', 'trusted_proxies'], (config) =>
    isProduction(config) && !isHttp(config.issuer) && config.trusted_proxies.length === 0
      ? 'KEYWRIGHT_TRUSTED_PROXIES is empty: behind the proxy that ends TLS, all requests seem to come from its address and share its limits.'
      : undefined,
  ),
  notice(['profile', 'root_secret'], (config) =>
    !isProduction(config) && isWeakSecret(config.root_secret)
      ? 'KEYWRIGHT_ROOT_SECRET can be guessed. Production refuses it.'
      : undefined,
  ),
  notice(['profile', 'outbound_allow'], (config) =>
    isProduction(config) && config.outbound_allow.length > 0
      ? 'KEYWRIGHT_OUTBOUND_ALLOW opens private addresses to outbound requests. Beside a gateway of your own it is meant for development and tests.'
      : undefined,
  ),
  notice(['signing_algs'], ({ signing_algs }) =>
    signing_algs.includes('RS256')
      ? undefined
      : 'KEYWRIGHT_SIGNING_ALGS leaves out RS256, which OpenID Connect Core §15.1 asks of every provider: some clients will not work.',
  ),
  notice(['key_publish_seconds', 'jwks_max_age_seconds'], (config) =>
    config.key_publish_seconds < 2 * config.jwks_max_age_seconds
      ? 'KEYWRIGHT_KEY_PUBLISH_SECONDS is shorter than twice KEYWRIGHT_JWKS_MAX_AGE_SECONDS: a new key may sign before every client has seen it.'
      : undefined,
  ),
  notice(['redis_url'], ({ redis_url }) =>
    redis_url === undefined ? undefined : 'REDIS_URL is set, but Redis is not used yet: PostgreSQL keeps the counters.',
  ),
]
