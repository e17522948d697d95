/**
 * Owns the list of every setting that is read at start. Each leaf carries its environment name, its default, what it
 * means and whether it is a secret; types, docs/configuration.md and .env.example are computed from here.
 * Never reads the environment (load.ts does). Start reading at `settings`.
 */
import { z } from 'zod'

/** What the documentation and the loader need to know about one setting. */
export type Leaf = { env: string; description: string; secret?: boolean; group: string }

const leaves = z.registry<Leaf>()
const flag = z.enum(['on', 'off']).transform((word) => word === 'on')
const list = z
  .string()
  .transform((text) => text.split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()])))
const seconds = (min: number, max: number) => z.coerce.number().int().min(min).max(max)
const count = seconds
const day = 86_400

/** Names the group of settings that follow, and gives each its environment name and its sentence. */
const group =
  (name: string) =>
  <T extends z.ZodType>(env: string, schema: T, description: string, secret = false): T => {
    leaves.add(schema, { env, description, secret, group: name })
    return schema
  }

const basics = group('Basics')
const storage = group('Storage')
const network = group('Network')
const tokens = group('Tokens and sessions')
const keys = group('Signing keys')
const signin = group('Sign-in')
const limits = group('Limits')
const look = group('Look')
const operation = group('Operation')
const mail = group('Mail')

/** The algorithms this server can sign with (RFC 7518 §3.1, RFC 8037 §3.1). */
export const signingAlgs = ['RS256', 'ES256', 'PS256', 'EdDSA'] as const
export type SigningAlg = (typeof signingAlgs)[number]

export const settings = z.object({
  profile: basics(
    'KEYWRIGHT_PROFILE',
    z.enum(['development', 'production']).default('development'),
    'production refuses what is only safe on a laptop: an http issuer that is not loopback, a missing root secret, a proxy list that trusts everyone, limits switched off.',
  ),
  port: basics('PORT', z.coerce.number().int().min(0).max(65_535).default(8080), 'The port to listen on.'),
  host: basics(
    'KEYWRIGHT_HOST',
    z
      .string()
      .regex(/^[\w.:-]+$/)
      .describe('a host name or an address, without brackets and port')
      .optional(),
    'The address to listen on. Default: localhost in development, all IPv4 addresses in production; :: listens on IPv6 too.',
  ),
  issuer: basics(
    'KEYWRIGHT_ISSUER',
    z
      .url({ protocol: /^https?$/ })
      .describe('an address such as https://login.example.com')
      .optional(),
    'The public address of this server, exactly as clients see it; it is the `iss` of every token. Default: http://localhost:$PORT.',
  ),
  root_secret: basics(
    'KEYWRIGHT_ROOT_SECRET',
    z.string().min(32).optional(),
    'At least 32 characters that protect every key and secret in the database. Made and kept in the data folder when absent; required in production.',
    true,
  ),

  data_dir: storage(
    'KEYWRIGHT_DATA_DIR',
    z.string().min(1).default('./data'),
    'The folder of the embedded PostgreSQL, the root secret and the cache.',
  ),
  database_url: storage(
    'DATABASE_URL',
    z.string().describe('a postgres:// or postgresql:// address').optional(),
    'A PostgreSQL to use instead of the embedded one, as postgres://user:password@host:port/name.',
    true,
  ),
  redis_url: storage(
    'REDIS_URL',
    z.string().describe('a redis:// or rediss:// address').optional(),
    'A Redis, Valkey or Dragonfly that shares request counters between nodes. Not used yet: a start with it set says so.',
    true,
  ),
  database_pool: storage(
    'KEYWRIGHT_DATABASE_POOL',
    count(2, 500).default(10),
    'Connections to PostgreSQL that one process opens at most.',
  ),
  database_prepare: storage(
    'KEYWRIGHT_DATABASE_PREPARE',
    flag.default(true),
    'Prepared statements; off behind PgBouncer in transaction mode.',
  ),

  trusted_proxies: network(
    'KEYWRIGHT_TRUSTED_PROXIES',
    list.describe('addresses or CIDR ranges, comma separated').default([]),
    "Addresses or CIDR ranges, comma separated, of the reverse proxies whose forwarded header is believed. Everyone else's header is ignored.",
  ),
  client_ip_header: network(
    'KEYWRIGHT_CLIENT_IP_HEADER',
    z
      .string()
      .regex(/^[a-z0-9-]+$/)
      .describe('the name of a header in lower case')
      .default('x-forwarded-for'),
    'The header in which a trusted proxy hands on the client address.',
  ),
  outbound_allow: network(
    'KEYWRIGHT_OUTBOUND_ALLOW',
    list.describe('host:port pairs, comma separated').default([]),
    'host:port pairs, comma separated, that the outbound guard lets through although they are private. For development and tests.',
  ),
  compat_paths: network(
    'KEYWRIGHT_COMPAT_PATHS',
    flag.default(true),
    'The paths of the five older systems beside the canonical ones.',
  ),

  registration: signin(
    'KEYWRIGHT_REGISTRATION',
    z.enum(['off', 'token', 'open']).default('token'),
    'Who may register clients by RFC 7591. The endpoint is not there yet; the setting is kept for it.',
  ),
  password_min_length: signin(
    'KEYWRIGHT_PASSWORD_MIN_LENGTH',
    count(8, 64).default(10),
    'Shortest accepted new password, in characters.',
  ),
  password_memory_kib: signin(
    'KEYWRIGHT_PASSWORD_MEMORY_KIB',
    count(19_456, 1_048_576).default(19_456),
    'Memory of one argon2id hash, in KiB.',
  ),
  password_passes: signin('KEYWRIGHT_PASSWORD_PASSES', count(2, 20).default(2), 'Passes of one argon2id hash.'),
  throttle_free: signin(
    'KEYWRIGHT_THROTTLE_FREE',
    count(1, 20).default(5),
    'Wrong passwords per account from unknown devices before delays begin.',
  ),
  throttle_hard_cap: signin(
    'KEYWRIGHT_THROTTLE_HARD_CAP',
    count(10, 100).default(100),
    'Wrong passwords in a row after which unknown devices are refused altogether.',
  ),

  code_ttl_seconds: tokens(
    'KEYWRIGHT_CODE_TTL_SECONDS',
    seconds(10, 600).default(60),
    'Life of an authorization code.',
  ),
  interaction_ttl_seconds: tokens(
    'KEYWRIGHT_INTERACTION_TTL_SECONDS',
    seconds(60, 3600).default(1800),
    'How long a sign-in in progress can be finished.',
  ),
  access_token_ttl_seconds: tokens(
    'KEYWRIGHT_ACCESS_TOKEN_TTL_SECONDS',
    seconds(30, 3600).default(300),
    'Life of an access token.',
  ),
  id_token_ttl_seconds: tokens(
    'KEYWRIGHT_ID_TOKEN_TTL_SECONDS',
    seconds(30, 3600).default(300),
    'Life of an ID token.',
  ),
  access_token_format: tokens(
    'KEYWRIGHT_ACCESS_TOKEN_FORMAT',
    z.enum(['jwt', 'opaque']).default('jwt'),
    'Format of access tokens unless the client says otherwise.',
  ),
  refresh_idle_seconds: tokens(
    'KEYWRIGHT_REFRESH_IDLE_SECONDS',
    seconds(60, 365 * day).default(14 * day),
    'A refresh token family dies when it is not used for this long.',
  ),
  refresh_absolute_seconds: tokens(
    'KEYWRIGHT_REFRESH_ABSOLUTE_SECONDS',
    seconds(60, 730 * day).default(90 * day),
    'A refresh token family dies this long after the sign-in.',
  ),
  refresh_grace_seconds: tokens(
    'KEYWRIGHT_REFRESH_GRACE_SECONDS',
    seconds(0, 60).default(10),
    'How long a lost answer can be asked for again with the previous refresh token; 0 switches it off.',
  ),
  session_idle_seconds: tokens(
    'KEYWRIGHT_SESSION_IDLE_SECONDS',
    seconds(60, 365 * day).default(day),
    'A session ends when it is not used for this long.',
  ),
  session_absolute_seconds: tokens(
    'KEYWRIGHT_SESSION_ABSOLUTE_SECONDS',
    seconds(60, 365 * day).default(30 * day),
    'A session ends this long after the sign-in.',
  ),
  audit_tokens: tokens(
    'KEYWRIGHT_AUDIT_TOKENS',
    z.enum(['counted', 'all']).default('counted'),
    'Whether refreshes and client credentials are counted per client and minute, or each recorded as an event.',
  ),

  signing_algs: keys(
    'KEYWRIGHT_SIGNING_ALGS',
    list
      .pipe(z.array(z.enum(signingAlgs)).min(1))
      .describe('RS256, ES256, PS256 or EdDSA, comma separated')
      .default([...signingAlgs]),
    'Algorithms that have a key; the first one is the default for ID tokens and access tokens. OpenID Connect asks for RS256 among them.',
  ),
  jwks_max_age_seconds: keys(
    'KEYWRIGHT_JWKS_MAX_AGE_SECONDS',
    seconds(0, day).default(600),
    'How long the published keys may be cached.',
  ),
  key_publish_seconds: keys(
    'KEYWRIGHT_KEY_PUBLISH_SECONDS',
    seconds(0, 30 * day).default(day),
    'How long a new key is published before it signs.',
  ),
  key_rotate_seconds: keys(
    'KEYWRIGHT_KEY_ROTATE_SECONDS',
    seconds(60, 730 * day).default(90 * day),
    'Age at which a signing key is replaced.',
  ),

  limits: limits(
    'KEYWRIGHT_LIMITS',
    flag.default(true),
    'Request-rate limits per address, route and client; off only in development. The sign-in throttle per account stays.',
  ),
  limit_address: limits(
    'KEYWRIGHT_LIMIT_ADDRESS',
    count(1, 10_000_000).default(1200),
    'Requests per minute and address, all routes together.',
  ),
  limit_login_address: limits(
    'KEYWRIGHT_LIMIT_LOGIN_ADDRESS',
    count(1, 1_000_000).default(30),
    'Sign-in attempts per minute and address.',
  ),
  limit_login_network: limits(
    'KEYWRIGHT_LIMIT_LOGIN_NETWORK',
    count(1, 1_000_000).default(300),
    'Sign-in attempts per minute and IPv6 /48 or IPv4 /24.',
  ),
  limit_client: limits(
    'KEYWRIGHT_LIMIT_CLIENT',
    count(1, 10_000_000).default(600),
    'Token endpoint requests per minute and client.',
  ),

  name: look(
    'KEYWRIGHT_NAME',
    z.string().min(1).max(60).default('Keywright'),
    'The name that people see on the pages.',
  ),
  logo_file: look(
    'KEYWRIGHT_LOGO_FILE',
    z.string().optional(),
    'A PNG, SVG or WebP file shown instead of the built-in mark.',
  ),
  color: look(
    'KEYWRIGHT_COLOR',
    z
      .string()
      .regex(/^#[0-9a-fA-F]{6}$/)
      .describe('a colour as #rrggbb')
      .default('#3b5bdb'),
    'The accent colour, as #rrggbb. Text on it is chosen so that it can be read.',
  ),
  templates_dir: look(
    'KEYWRIGHT_TEMPLATES_DIR',
    z.string().optional(),
    'A folder whose templates replace the built-in ones of the same name.',
  ),

  log_level: operation(
    'KEYWRIGHT_LOG_LEVEL',
    z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent']).default('info'),
    'How much is logged.',
  ),
  log_file: operation(
    'KEYWRIGHT_LOG_FILE',
    z.string().optional(),
    'Log to this file instead of standard output; it is rotated at 10 MB and five are kept.',
  ),
  management_token: operation(
    'KEYWRIGHT_MANAGEMENT_TOKEN',
    z.string().min(16).optional(),
    'The bearer token that unlocks the detailed checks of /health.',
    true,
  ),
  drain_seconds: operation(
    'KEYWRIGHT_DRAIN_SECONDS',
    seconds(0, 300).default(10),
    'How long SIGTERM waits for requests in flight.',
  ),

  smtp_url: mail(
    'KEYWRIGHT_SMTP_URL',
    z.string().describe('an smtp:// or smtps:// address').optional(),
    'The mail server, as smtp://user:password@host:port. Nothing sends mail yet; the setting is kept for it.',
    true,
  ),
  mail_from: mail(
    'KEYWRIGHT_MAIL_FROM',
    z
      .string()
      .regex(/^[^\r\n]*@[^\r\n]+$/)
      .describe('a mail address such as login@example.com')
      .optional(),
    'The sender of mails.',
  ),
})

type Parsed = z.output<typeof settings>

/** The settings of one process, complete: what had a default has it, and the issuer is known. */
export type Config = Readonly<Parsed & { issuer: string; host: string }>

/** Each setting's name in `Config` with its leaf, in the order of the file. */
export const leavesOf = (): { name: keyof Parsed; schema: z.ZodType; leaf: Leaf }[] =>
  Object.entries(settings.shape).map(([name, schema]) => {
    const leaf = leaves.get(schema)
    if (!leaf) throw new Error(`setting ${name} has no description`)
    return { name: name as keyof Parsed, schema, leaf }
  })
