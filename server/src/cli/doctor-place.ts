/** Owns the checks of `keywright doctor` that need no server: settings, data folder, disk. */
import { accessSync, constants, statSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/schema.ts'
import { StartError } from '../config/start-error.ts'
import type { Check } from './check.ts'

/** Every problem of the settings is a line of its own; without a usable configuration there is none. */
export const checkSettings = (): { checks: Check[]; config?: Config } => {
  const check = 'settings'
  try {
    const { config, notices } = loadConfig()
    const warnings = notices.map((detail): Check => ({ check, status: 'warning', detail }))
    return { config, checks: [{ check, status: 'ok', detail: `${config.profile} profile` }, ...warnings] }
  } catch (error) {
    if (!(error instanceof StartError)) throw error
    const mend = 'Correct it in the environment or in .env; docs/configuration.md lists every setting.'
    return { checks: error.message.split('\n').map((detail) => ({ check, status: 'failed', detail, mend })) }
  }
}

/** The data folder and the root secret in it. */
export const checkFolder = (config: Config): Check[] => {
  const check = 'data folder'
  if (config.database_url !== undefined && config.root_secret !== undefined)
    return [{ check, status: 'ok', detail: 'not needed: database and root secret are given' }, checkSecret(config)]
  const folder = config.data_dir
  const found = statSync(folder, { throwIfNoEntry: false })
  if (found === undefined)
    return [{ check, status: 'warning', detail: `${folder} is not there yet: the server makes it at its first start` }]
  const mend = 'Start as its owner, give it to this account, or choose another one with KEYWRIGHT_DATA_DIR.'
  if (!found.isDirectory()) return [{ check, status: 'failed', detail: `${folder} is no folder`, mend }]
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch {
    return [{ check, status: 'failed', detail: `${folder} belongs to user ${found.uid}, who does not let us in`, mend }]
  }
  return [{ check, status: 'ok', detail: folder }, checkSecret(config)]
}

const checkSecret = ({ root_secret, data_dir }: Config): Check => {
  const check = 'root secret'
  if (root_secret !== undefined) return { check, status: 'ok', detail: 'set' }
  const path = join(data_dir, 'root-secret')
  const found = statSync(path, { throwIfNoEntry: false })
  if (found === undefined) return { check, status: 'warning', detail: 'none yet: the first start makes one' }
  if (process.platform !== 'win32' && (found.mode & 0o077) !== 0)
    return { check, status: 'failed', detail: `${path} can be read by others`, mend: `chmod 600 ${path}` }
  return { check, status: 'ok', detail: `${path}: keep a copy of it in a safe place` }
}

const mebibyte = 1_048_576

/** Room for the database and the log. */
export const checkDisk = async ({ data_dir }: Config): Promise<Check> => {
  const check = 'disk'
  const { bavail, bsize } = await statfs(existingParent(data_dir))
  const free = Math.round((bavail * bsize) / mebibyte)
  const mend = 'Make room, or move the data folder with KEYWRIGHT_DATA_DIR.'
  const detail = `${free} MB free`
  if (free < 50) return { check, status: 'failed', detail, mend }
  return free < 500 ? { check, status: 'warning', detail, mend } : { check, status: 'ok', detail }
}

const existingParent = (path: string): string =>
  statSync(path, { throwIfNoEntry: false }) === undefined && dirname(path) !== path
    ? existingParent(dirname(path))
    : path
