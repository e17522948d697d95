/**
 * Owns the list of erased accounts beside the database: one line for each, its id and the instant, and nothing else. A backup
 * that is restored brings back the list of its own day; this file knows what happened since (security rule GD-2).
 */
import { appendFile, readFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config/schema.ts'
import type { Erasure } from './erasure-store.ts'

type Place = Pick<Config, 'data_dir' | 'erasures_file'>

/** Where it lies; undefined where there is neither a setting nor a data folder. */
const fileOf = ({ data_dir, erasures_file }: Place): string | undefined =>
  erasures_file ?? (existsSync(data_dir) ? join(data_dir, 'erasures.txt') : undefined)

/** What the file knows; nothing where there is none. A line that is none is passed over: the end of it may be missing after a crash. */
export const readErasures = async (place: Place): Promise<Erasure[]> => {
  const file = fileOf(place)
  if (file === undefined || !existsSync(file)) return []
  const lines = (await readFile(file, 'utf8')).split('\n')
  return lines.flatMap((line) => {
    const [, instant = '', user_id = ''] = /^(\d{4}-\d\d-\d\dT[\d:.]+Z) (.{1,255})$/.exec(line) ?? []
    const erased_at = new Date(instant)
    return user_id === '' || Number.isNaN(erased_at.getTime()) ? [] : [{ user_id, erased_at }]
  })
}

/** Appends what the file does not know yet. */
export const appendErasures = async (place: Place, list: readonly Erasure[]): Promise<void> => {
  const file = fileOf(place)
  if (file === undefined || list.length === 0) return
  const known = new Set((await readErasures(place)).map(({ user_id }) => user_id))
  const fresh = list.filter(({ user_id }) => !known.has(user_id))
  const lines = fresh.map(({ user_id, erased_at }) => `${erased_at.toISOString()} ${user_id}\n`)
  // A line that was cut off by a crash is ended first, or the next one would be lost with it.
  if (lines.length > 0) await appendFile(file, `\n${lines.join('')}`, { mode: 0o600 })
}
