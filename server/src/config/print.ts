/**
 * Owns how settings are put into words: what one accepts, its value as environment text, the list of them all.
 * Never shows a secret unless it is asked to, and never reads the environment. Start reading at `printConfig`.
 */
import { resolve } from 'node:path'
import { z } from 'zod'
import { type Config, type Leaf, leavesOf } from './schema.ts'

/** One setting as `config print --json` shows it. A redacted secret's `value` is `(set)` or `(not set)`. */
export type PrintedSetting = {
  env: string
  group: string
  value: string | number | boolean | readonly string[] | null
  is_default: boolean
}

/** What a setting can hold; undefined or null when it is absent. */
export type SettingValue = string | number | boolean | readonly string[] | null | undefined

/** `redacted` hides every secret. `cwd` is the folder that a relative default counts from (the working directory). */
export type PrintOptions = { redacted: boolean; cwd?: string }

/**
 * The settings in force as text for a person: groups, then `NAME  value`, marked where it is not the default.
 * The values are written as the environment takes them; secrets are `(set)` or `(not set)` when redacted.
 */
export const printConfig = (config: Config, options: PrintOptions): string => {
  const printed = listSettings(config, options)
  const width = Math.max(...printed.map(({ env }) => env.length))
  const shown = (value: SettingValue) => (value === null ? '(not set)' : settingText(value) || '(none)')
  const line = ({ env, value, is_default }: PrintedSetting) =>
    `  ${env.padEnd(width)}  ${shown(value)}${is_default ? '' : '  (changed)'}`
  const groups = Map.groupBy(printed, ({ group }) => group)
  return [...groups].map(([group, members]) => `${[group, ...members.map(line)].join('\n')}\n`).join('\n')
}

/** The settings in force as data for `--json`, in the order of the schema; an absent one has the value null. */
export const listSettings = (config: Config, options: PrintOptions): PrintedSetting[] =>
  leavesOf().map(({ name, schema, leaf }) => {
    const plain = config[name] ?? null
    const hidden = plain === null ? '(not set)' : '(set)'
    return {
      env: leaf.env,
      group: leaf.group,
      value: leaf.secret && options.redacted ? hidden : plain,
      is_default: settingText(plain) === settingText(defaultIn(config, { name, schema }, options.cwd ?? '.')),
    }
  })

const defaultIn = (
  config: Config,
  { name, schema }: { name: string; schema: z.ZodType },
  cwd: string,
): SettingValue => {
  if (name === 'host') return defaultHost(config.profile)
  if (name === 'issuer') return defaultIssuer(config.port)
  if (name === 'data_dir') return resolve(cwd, settingText(defaultOf(schema)))
  return defaultOf(schema)
}

/** The address to listen on when none is given: a laptop keeps to itself, a server answers on every IPv4 address. */
export const defaultHost = (profile: Config['profile']): string => (profile === 'production' ? '0.0.0.0' : 'localhost')

/** The issuer when none is given, in the form a browser would write it: `http://localhost` for port 80. */
export const defaultIssuer = (port: number): string => new URL(`http://localhost:${port}`).origin

/** The default of one setting as the program sees it; undefined when it has none. */
export const defaultOf = (schema: z.ZodType): SettingValue => schema.safeParse(undefined).data as SettingValue

/** A value as the environment takes it: `on` / `off`, a comma separated list, a number, a text; empty when absent. */
export const settingText = (value: SettingValue): string => {
  if (value === undefined || value === null) return ''
  if (typeof value === 'boolean') return value ? 'on' : 'off'
  return typeof value === 'object' ? value.join(',') : String(value)
}

/** What one setting accepts, in words that finish the sentence "expected …". */
export const expectedText = (schema: z.ZodType): string => {
  const { description, enum: words, type, minimum, maximum, minLength, maxLength } = shapeOf(schema)
  if (description !== undefined) return description
  if (words) return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
  if (type === 'integer') return `a whole number from ${minimum} to ${maximum}`
  if (maxLength !== undefined) return `a text of ${minLength} to ${maxLength} characters`
  return minLength !== undefined && minLength > 1 ? `a text of at least ${minLength} characters` : 'a text'
}

/** The lowest and highest accepted number of a setting; undefined for one that is not a number. */
export const rangeOf = (schema: z.ZodType): { minimum: number; maximum: number } | undefined => {
  const { minimum, maximum } = shapeOf(schema)
  return minimum === undefined || maximum === undefined ? undefined : { minimum, maximum }
}

type Shape = {
  description?: string
  enum?: string[]
  type?: string
  minimum?: number
  maximum?: number
  minLength?: number
  maxLength?: number
}

const shapeOf = (schema: z.ZodType): Shape => z.toJSONSchema(schema, { io: 'input' }) as Shape

/** A value that came, as a sentence shows it: quoted, short enough for a line, without the password of an address. */
export const quoted = (text: string): string => {
  const hidden = text.replace(/\/\/.*@/s, '//…@')
  return JSON.stringify(hidden.length > 80 ? `${hidden.slice(0, 80)}…` : hidden)
}

/** Every name under which a setting is given: its own and, for a secret, the one with `_FILE`. */
export const envNamesOf = (leaf: Leaf): string[] => (leaf.secret ? [leaf.env, `${leaf.env}_FILE`] : [leaf.env])

/**
 * `NAME=value` as a `.env` file takes it (Node's parseEnv), quoted where the value asks for it: an unquoted `#` begins
 * a comment. Undefined when no quotes fit, because the value holds all three kinds.
 */
export const envLine = (name: string, value: string): string | undefined => {
  if (/^[\w./:@%+,=?&~[\]*-]*$/.test(value)) return `${name}=${value}`
  const quote = [`'`, '`', '"'].find((mark) => !value.includes(mark) && (mark !== '"' || !value.includes('\\')))
  return quote === undefined ? undefined : `${name}=${quote}${value}${quote}`
}
