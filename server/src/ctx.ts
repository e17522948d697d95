/**
 * Owns what everything is handed: one record, built once per issuer. There is no other shared state, so that several
 * issuers can live in one process.
 */
import { randomUUID } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { createApiKeys, createKeyUses, type KeyUses, type LiveKey } from './api-keys/live.ts'
import { type ApiCopies, createApis } from './apis/load.ts'
import { type Client, createClients } from './clients/load.ts'
import type { Config } from './config/schema.ts'
import type { Db } from './db/connect.ts'
import { createDecisions, type Decisions } from './events/decisions.ts'
import { createFlood, type Flood } from './events/flood.ts'
import { parseProxies } from './http/client-ip.ts'
import { createEdge, type Edge } from './http/edge.ts'
import type { HttpRequest } from './http/request.ts'
import { originAllowed } from './clients/origins.ts'
import type { Cache } from './io/cache.ts'
import { createEphemeral, type Ephemeral } from './io/ephemeral.ts'
import { createHashing, type Hashing } from './io/hashing.ts'
import { createInbox, type Inbox } from './io/inbox.ts'
import type { AccessLog, Log } from './io/log.ts'
import { createPlaces, type Places } from './io/place.ts'
import { createMailer, type Mailer } from './io/mail.ts'
import { createSecrets, type Secrets } from './io/secrets.ts'
import { createSms, type Sms } from './io/sms.ts'
import { createStrengthMeter, type StrengthMeter } from './io/strength.ts'
import { createSigner, type Signer } from './keys/signer.ts'
import type { Letter } from './outbox/letter.ts'
import { createOutbox, type Outbox } from './outbox/nudge.ts'
import { createPages, type Pages } from './pages/render.ts'
import { longestAccessSeconds } from './protocol/access-token.ts'
import type { Subject } from './protocol/claims.ts'
import type { LiveSession } from './protocol/session.ts'
import { createFeed, type Feed } from './sessions/revocation.ts'
import { createSessions } from './sessions/copies.ts'
import type { Warned } from './token/budget.ts'
import { createTokenCounts, type TokenCounts } from './token/counts.ts'
import { createHashKinds } from './users/hash-kinds.ts'
import { createSubjects } from './users/subject.ts'

export type Ctx = {
  config: Config
  version: string
  deploymentId: string
  nodeId: string
  db: Db
  /** The time, as the database has it. */
  now: () => Date
  log: Log
  /** One line per request; holds chosen fields only, so it needs no redaction. */
  accessLog: AccessLog
  secrets: Secrets
  signer: Signer
  hashing: Hashing
  strength: StrengthMeter
  ephemeral: Ephemeral
  feed: Feed
  decisions: Decisions
  flood: Flood
  pages: Pages
  edge: Edge
  trustedProxies: ReturnType<typeof parseProxies>
  /** Copies of rows, at most a second old. */
  clients: Cache<Client>
  apis: ApiCopies
  subjects: Cache<Subject>
  sessions: Cache<LiveSession>
  apiKeys: Cache<LiveKey>
  keyUses: KeyUses
  tokenCounts: TokenCounts
  largeTokens: Warned
  places: Places
  /** The ways out for letters; undefined where none is configured: letters then wait until their life is over. */
  mailer: Mailer | undefined
  sms: Sms | undefined
  /** What was sent by nothing but this process's memory; in development only. */
  inbox: Inbox | undefined
  outbox: Outbox
  /** Every kind of letter by its name, from app.ts. */
  letters: ReadonlyMap<string, Letter>
  /** The grants that are on, from app.ts. */
  grantTypes: string[]
  /** Whether a browser at this origin may read the answer to this client (or, in a preflight, to any). */
  originAllowed: (origin: string, request?: HttpRequest) => Promise<boolean>
  draining: () => boolean
  drain: () => void
}

export type CtxParts = {
  config: Config
  db: Db
  log: Log
  /** One line per request; holds chosen fields only, so it needs no redaction. */
  accessLog: AccessLog
  version: string
  rootSecret: string
  /** Identity of the database (db/deployment.ts). */
  deploymentId: string
  grantTypes: string[]
  letters: readonly Letter[]
  clock?: () => number
}

/** Builds the record. `clock` is the machine's time in milliseconds; tests give their own. */
export const createCtx = (parts: CtxParts): Ctx => {
  const { config, db, log, accessLog, version, grantTypes } = parts
  const nodeId = randomUUID()
  const time = createTime(parts.clock ?? Date.now)
  const { now } = time
  const feed = createFeed({ db, nodeId, lifetimeSeconds: longestAccessSeconds, now, startedAt: now() })
  time.follow(feed.skewMs)
  const secrets = createSecrets(parts.rootSecret, parts.deploymentId)
  const clients = createClients(db)
  return {
    config,
    version,
    deploymentId: parts.deploymentId,
    nodeId,
    db,
    now,
    log,
    accessLog,
    secrets,
    feed,
    clients,
    grantTypes,
    ...createDrain(),
    signer: createSigner(parts.deploymentId, secrets),
    hashing: createHashing({ ...hashingOptions(config), samples: createHashKinds(db) }),
    strength: createStrengthMeter(),
    ephemeral: createEphemeral(),
    decisions: createDecisions(),
    flood: createFlood(config),
    edge: createEdge(config),
    pages: createPages(pagesOptions(config)),
    trustedProxies: parseProxies(config.trusted_proxies),
    ...createCopies(db, now, config.issuer),
    tokenCounts: createTokenCounts(),
    places: createPlaces(config.geoip_file),
    ...createPost(config, now),
    letters: new Map(parts.letters.map((letter) => [letter.kind, letter])),
    originAllowed: async (origin, request) => await originAllowed({ db, clients }, origin, request),
  }
}

/** Copies of rows, and what is noted of their use. */
const createCopies = (
  db: Db,
  now: () => Date,
  issuer: string,
): Pick<Ctx, 'subjects' | 'sessions' | 'apis' | 'apiKeys' | 'keyUses' | 'largeTokens'> => ({
  subjects: createSubjects(db),
  sessions: createSessions(db, now),
  apiKeys: createApiKeys(db),
  keyUses: createKeyUses(),
  apis: createApis(db, issuer),
  largeTokens: new Map(),
})

/** A machine whose clock is off by half a second or more follows the database, so that expiry means the same on every node. */
const createTime = (clock: () => number) => {
  let skewMs = (): number => 0
  return {
    now: (): Date => {
      const skew = skewMs()
      return new Date(clock() + (Math.abs(skew) > 500 ? skew : 0))
    },
    follow: (measured: () => number): void => {
      skewMs = measured
    },
  }
}

/** The ways out for letters. What development would send, it shows. */
const createPost = (config: Config, now: () => Date): Pick<Ctx, 'inbox' | 'mailer' | 'sms' | 'outbox'> => {
  const inbox = config.profile === 'development' ? createInbox(now) : undefined
  return { inbox, mailer: createMailer(config, inbox), sms: createSms(config, inbox), outbox: createOutbox() }
}

const createDrain = (): Pick<Ctx, 'drain' | 'draining'> => {
  let draining = false
  return {
    draining: () => draining,
    drain: () => {
      draining = true
    },
  }
}

const hashingOptions = (config: Config) => ({
  memoryKib: config.password_memory_kib,
  passes: config.password_passes,
  running: 2 * availableParallelism(),
  waiting: 64,
})

const pagesOptions = (config: Config) => ({
  name: config.name,
  color: config.color,
  issuer_path: new URL(config.issuer).pathname.replace(/\/$/, ''),
  ...(config.logo_file !== undefined && { logo_file: config.logo_file }),
  ...(config.templates_dir !== undefined && { templates_dir: config.templates_dir }),
})
