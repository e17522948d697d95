/**
 * Owns the list of every setting that is read at start. Each leaf carries its environment name, its default, what it
 * means and whether it is a secret; types, docs/configuration.md and .env.example are computed from here.
 * Never reads the environment (load.ts does). Start reading at `settings`.
 */
import { z } from 'zod'
import { auditSettings } from './audit-settings.ts'
import { applicationSettings } from './application-settings.ts'
import { flag, group, type Leaf, leafOf, list, secret, whole } from './leaf.ts'
import { mailSettings } from './mail-settings.ts'
import { peopleSettings } from './people-settings.ts'
import { tokenSettings } from './token-settings.ts'

export type { Leaf } from './leaf.ts'
export { type SigningAlg, signingAlgs } from './token-settings.ts'

const basics = group('Basics')
const storage = group('Storage')
const network = group('Network')
const signin = group('Sign-in')
const limits = group('Limits')
const look = group('Look')
const operation = group('Operation')

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
  root_secret: secret(
    basics(
      'KEYWRIGHT_ROOT_SECRET',
      z.string().min(32).optional(),
      'At least 32 characters that protect every key and secret in the database. Made and kept in the data folder when absent; required in production.',
    ),
  ),

  data_dir: storage(
    'KEYWRIGHT_DATA_DIR',
    z.string().min(1).default('./data'),
    'The folder of the embedded PostgreSQL, the root secret and the cache.',
  ),
  database_url: secret(
    storage(
      'DATABASE_URL',
      z.string().describe('a postgres:// or postgresql:// address').optional(),
      'A PostgreSQL to use instead of the embedded one, as postgres://user:password@host:port/name.',
    ),
  ),
  redis_url: secret(
    storage(
      'REDIS_URL',
      z.string().describe('a redis:// or rediss:// address').optional(),
      'A Redis, Valkey or Dragonfly that shares request counters between nodes. Not used yet: a start with it set says so.',
    ),
  ),
  database_pool: storage(
    'KEYWRIGHT_DATABASE_POOL',
    whole(2, 500).default(10),
    'Connections to PostgreSQL that one process opens at most.',
  ),
  database_prepare: storage(
    'KEYWRIGHT_DATABASE_PREPARE',
    flag.default(true),
    'Prepared statements, and limits that each connection sets for itself; off behind PgBouncer in transaction mode, see database.md.',
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
    'host:port pairs, comma separated, that the outbound guard lets through although they are private. For a gateway of your own, development and tests.',
  ),
  compat_paths: network(
    'KEYWRIGHT_COMPAT_PATHS',
    flag.default(true),
    'The paths of the five older systems beside the canonical ones.',
  ),

  compat_client_id: network(
    'KEYWRIGHT_COMPAT_CLIENT_ID',
    z.string().min(1).optional(),
    'The client that stands for callers of the older systems that name none. Unset: such calls are refused with 400.',
  ),

  registration: signin(
    'KEYWRIGHT_REGISTRATION',
    z.enum(['off', 'token', 'open']).default('token'),
    'Who may register clients by RFC 7591. The endpoint is not there yet; the setting is kept for it.',
  ),
  password_min_length: signin(
    'KEYWRIGHT_PASSWORD_MIN_LENGTH',
    whole(8, 64).default(10),
    'Shortest accepted new password, in characters.',
  ),
  password_memory_kib: signin(
    'KEYWRIGHT_PASSWORD_MEMORY_KIB',
    whole(19_456, 1_048_576).default(19_456),
    'Memory of one argon2id hash, in KiB.',
  ),
  password_passes: signin('KEYWRIGHT_PASSWORD_PASSES', whole(2, 20).default(2), 'Passes of one argon2id hash.'),
  throttle_free: signin(
    'KEYWRIGHT_THROTTLE_FREE',
    whole(1, 20).default(5),
    'Wrong passwords per account from unknown devices before delays begin.',
  ),
  throttle_hard_cap: signin(
    'KEYWRIGHT_THROTTLE_HARD_CAP',
    whole(10, 100).default(100),
    'Wrong passwords in a row after which unknown devices are refused altogether.',
  ),

  ...tokenSettings,
  ...applicationSettings,
  ...peopleSettings,

  limits: limits(
    'KEYWRIGHT_LIMITS',
    flag.default(true),
    'Request-rate limits per address, route and client; off only in development. The sign-in throttle per account stays.',
  ),
  limit_address: limits(
    'KEYWRIGHT_LIMIT_ADDRESS',
    whole(1, 10_000_000).default(1200),
    'Requests per minute and address, all routes together.',
  ),
  limit_route: limits(
    'KEYWRIGHT_LIMIT_ROUTE',
    whole(1, 10_000_000).default(600),
    'Requests per minute, address and route.',
  ),
  limit_login_address: limits(
    'KEYWRIGHT_LIMIT_LOGIN_ADDRESS',
    whole(1, 1_000_000).default(30),
    'Sign-in attempts per minute and address.',
  ),
  limit_login_network: limits(
    'KEYWRIGHT_LIMIT_LOGIN_NETWORK',
    whole(1, 1_000_000).default(300),
    'Sign-in attempts per minute and IPv6 /48 or IPv4 /24.',
  ),
  limit_client: limits(
    'KEYWRIGHT_LIMIT_CLIENT',
    whole(1, 10_000_000).default(600),
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
  management_token: secret(
    operation(
      'KEYWRIGHT_MANAGEMENT_TOKEN',
      z.string().min(16).regex(/^\S+$/).describe('at least 16 characters without spaces').optional(),
      'The bearer token that unlocks the detailed checks of /health.',
    ),
  ),
  drain_seconds: operation(
    'KEYWRIGHT_DRAIN_SECONDS',
    whole(0, 300).default(10),
    'How long SIGTERM waits for requests in flight.',
  ),

  ...mailSettings,
  ...auditSettings,
})

type Parsed = z.output<typeof settings>

/** The settings of one process, complete: what had a default has it, and the issuer is known. */
export type Config = Readonly<Parsed & { issuer: string; host: string }>

/** Each setting's name in `Config` with its leaf, in the order of the file. */
export const leavesOf = (): { name: keyof Parsed; schema: z.ZodType; leaf: Leaf }[] =>
  Object.entries(settings.shape).map(([name, schema]) => {
    return { name: name as keyof Parsed, schema, leaf: leafOf(schema) }
  })
