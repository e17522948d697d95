/** Owns the checks of `keywright doctor` that ask the database: reachable, migrated, keys, clock, an administrator. */
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { adminExists } from '../access/roles.ts'
import type { Config } from '../config/schema.ts'
import type { Ctx } from '../ctx.ts'
import { clusterFolder } from '../db/embedded-folder.ts'
import { secretText } from '../io/ids.ts'
import { checkSeal, type KeyInfo, listKeyInfo } from '../keys/manage.ts'
import type { Opened } from '../open.ts'
import { type DatabaseFacts, inspectDatabase } from '../operations/inspect.ts'
import type { Check } from './check.ts'
import { asNode, withDatabase } from './open.ts'
import { sentenceOf } from './refusal.ts'

/** All of them. A database that is not there yet is no fault: nothing is made just to look at it. */
export const checkDatabase = async (config: Config): Promise<Check[]> => {
  const check = 'database'
  if (config.database_url === undefined && !existsSync(clusterFolder(config.data_dir)))
    return [
      { check, status: 'warning', detail: 'none yet: the first start of the server makes one' },
      ...skipped('database'),
    ]
  try {
    return await withDatabase(look, onlyLooking(config))
  } catch (error) {
    return [{ check, status: 'failed', detail: await sentenceOf(error) }, ...skipped('database')]
  }
}

const look = async (config: Config, opened: Opened): Promise<Check[]> => {
  const facts = await inspectDatabase(opened.db)
  const found = describe(opened.where, facts)
  if (facts.pending.length > 0) return [found, pendingMigrations(facts), ...skipped('migrations')]
  const migrated: Check = { check: 'migrations', status: 'ok', detail: 'all applied' }
  if (facts.read_only) return [found, migrated, ...skipped('database')]
  return [found, migrated, ...(await asNode(config, opened, checkContent))]
}

/** A root secret that is missing is not made just to look; any other opens nothing either, and the keys will say so. */
const onlyLooking = (config: Config): Config => {
  if (config.root_secret !== undefined || existsSync(join(config.data_dir, 'root-secret'))) return config
  const data_dir = existsSync(config.data_dir) ? config.data_dir : tmpdir()
  return { ...config, data_dir, root_secret: secretText() }
}

const skipped = (because: string): Check[] =>
  ['keys', 'clock', 'administrator'].map((check) => ({ check, status: 'skipped', detail: `see ${because}` }))

const describe = (where: string, { version, read_only }: DatabaseFacts): Check => {
  const check = 'database'
  const detail = `${where}, version ${version}`
  if (!read_only) return { check, status: 'ok', detail }
  return {
    check,
    status: 'failed',
    detail: `${detail}, cannot be written to`,
    mend: 'Point DATABASE_URL at the primary.',
  }
}

const pendingMigrations = ({ pending }: DatabaseFacts): Check => ({
  check: 'migrations',
  status: 'failed',
  detail: `not applied: ${pending.join(', ')}`,
  mend: '`keywright migrate`, or start the server, which does it too.',
})

const checkContent = async (ctx: Ctx): Promise<Check[]> => [
  ...(await checkKeys(ctx)),
  checkClock(ctx.feed.skewMs()),
  await checkAdministrator(ctx),
]

const checkKeys = async (ctx: Ctx): Promise<Check[]> => {
  const sealed = await checkSeal(ctx)
  if (sealed)
    return [
      {
        check: 'keys',
        status: 'failed',
        detail: sealed.error_description,
        mend: 'Restore the root secret; without it the keys are lost.',
      },
    ]
  const keys = await listKeyInfo(ctx)
  const limits = { rotateSeconds: ctx.config.key_rotate_seconds, now: ctx.now() }
  return ctx.config.signing_algs.map((alg) => checkAlg(alg, keys, limits))
}

/** Security design 3.10: a key is replaced by itself; one that is too old means that no server has run. Pure. */
export const checkAlg = (
  alg: string,
  keys: readonly KeyInfo[],
  { rotateSeconds, now }: { rotateSeconds: number; now: Date },
): Check => {
  const check = `key ${alg}`
  const own = keys.filter((key) => key.alg === alg)
  const active = own.find((key) => key.status === 'active')
  if (active === undefined) return { check, status: 'warning', detail: 'none yet: the server makes one when it starts' }
  const seconds = (now.getTime() - (active.activated_at ?? active.created_at).getTime()) / 1000
  const days = Math.floor(seconds / 86_400)
  const next = own.some((key) => key.status === 'pending') ? ', the next one waits' : ''
  const detail = `${active.kid} has signed for ${days} ${days === 1 ? 'day' : 'days'}${next}`
  if (seconds <= rotateSeconds || next !== '') return { check, status: 'ok', detail }
  return {
    check,
    status: 'warning',
    detail,
    mend: 'It should have been replaced: keep a server running, or `keywright keys rotate`.',
  }
}

/** Within a second the clocks agree; beyond five the server says that it is not ready. Pure. */
export const checkClock = (skewMs: number): Check => {
  const seconds = Math.round(Math.abs(skewMs) / 100) / 10
  const detail = `${seconds} s away from the clock of the database`
  if (seconds <= 1) return { check: 'clock', status: 'ok', detail }
  const mend = 'Keep both clocks right with NTP.'
  return { check: 'clock', status: seconds > 5 ? 'failed' : 'warning', detail, mend }
}

const checkAdministrator = async (ctx: Ctx): Promise<Check> =>
  (await adminExists(ctx.db))
    ? { check: 'administrator', status: 'ok', detail: 'there is one' }
    : {
        check: 'administrator',
        status: 'failed',
        detail: 'nobody has the role admin',
        mend: 'Open the link that `keywright seed` prints, or `keywright user create … --role admin`.',
      }
