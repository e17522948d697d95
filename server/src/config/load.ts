/**
 * Owns the way from the environment to a `Config`; the only reader of process.env in the whole program.
 * Never shows a secret, never stops at the first problem. Start reading at `loadConfig`.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { checkConfig, type Finding } from './check.ts'
import { findOldName, oldNameNotices } from './old-names.ts'
import { defaultHost, defaultIssuer, envNamesOf, expectedText, quoted } from './print.ts'
import { type Config, leavesOf, settings } from './schema.ts'
import { StartError } from './start-error.ts'

/** Where settings come from; by default this process's environment and working directory. Tests give their own. */
export type ConfigSource = { env?: NodeJS.ProcessEnv; cwd?: string }

/**
 * Reads the environment, the `.env` of the working directory (the environment wins) and the files that `X_FILE` names.
 * Outcome: the configuration and sentences that the operator should see. Throws StartError with every problem, one per
 * line, each naming the variable, what was expected and what came.
 */
export const loadConfig = (source: ConfigSource = {}): { config: Config; notices: string[] } => {
  const cwd = source.cwd ?? process.cwd()
  const file = readEnvFile(cwd)
  const given = merge(named(source.env ?? process.env), file.values)
  const secrets = readSecretFiles(given, cwd)
  const { config, problems, findings } = readSettings(secrets.values, { cwd, unread: secrets.unread })
  const refused = [
    ...file.problems,
    ...unknownNames(given),
    ...secrets.problems,
    ...problems,
    ...findings.filter(({ level }) => level === 'problem').map(({ text }) => text),
  ]
  if (refused.length > 0) throw new StartError(refused.join('\n'))
  const notices = findings.filter(({ level }) => level === 'notice').map(({ text }) => text)
  return { config, notices: [...oldNameNotices(given, new Set(file.values.keys())), ...notices] }
}

type Values = ReadonlyMap<string, string>

/** Windows does not tell cases apart in names, but hands them out as they were written. */
const named = (env: NodeJS.ProcessEnv): Values =>
  new Map(
    Object.entries(env).flatMap(([name, value]) =>
      value === undefined ? [] : [[process.platform === 'win32' ? name.toUpperCase() : name, value] as const],
    ),
  )

const readEnvFile = (cwd: string): { values: Values; problems: string[] } => {
  const read = readText(resolve(cwd, '.env'))
  if ('text' in read) return { values: named(parseEnv(read.text.replace(/^\uFEFF/, ''))), problems: [] }
  return { values: new Map(), problems: read.code === 'ENOENT' ? [] : [`.env: it ${read.why}.`] }
}

/**
 * The environment wins over `.env`, even with an empty value: `DATABASE_URL= npm start` goes without. A secret and its
 * file are one setting, so that an environment's secret is not in conflict with a file's name in `.env`.
 */
const merge = (env: Values, file: Values): Values => {
  const settled = leavesOf()
    .map(({ leaf }) => envNamesOf(leaf))
    .filter((names) => names.some((name) => env.has(name)))
    .flat()
  const kept = [...file].filter(([name]) => !settled.includes(name))
  return new Map([...kept, ...env].filter(([, value]) => value.trim() !== ''))
}

type SecretFiles = { values: Values; problems: string[]; unread: ReadonlySet<string> }

/** Replaces each `X_FILE` of a secret by `X` with the file's content. No sentence repeats the path: it may be a secret
 * that was put into the wrong variable. */
const readSecretFiles = (given: Values, cwd: string): SecretFiles => {
  const values = new Map(given)
  const problems: string[] = []
  const unread = new Set<string>()
  for (const { name, leaf } of leavesOf()) {
    const path = leaf.secret ? given.get(`${leaf.env}_FILE`) : undefined
    if (path === undefined) continue
    const read = readText(resolve(cwd, path))
    if (given.has(leaf.env)) {
      problems.push(`${leaf.env}_FILE: ${leaf.env} is set too; give one of them.`)
    } else if ('text' in read && read.text.trim() !== '') {
      values.set(leaf.env, read.text.trim())
      continue
    } else {
      problems.push(
        `${leaf.env}_FILE: expected a file with the secret in it; the file ${'why' in read ? read.why : 'is empty'}.`,
      )
    }
    values.delete(leaf.env)
    unread.add(name)
  }
  return { values, problems, unread }
}

const reasons: Record<string, string> = {
  ENOENT: 'does not exist (a relative name counts from the working directory)',
  EACCES: 'may not be read by this user',
  EISDIR: 'is a folder',
}

const readText = (path: string): { text: string } | { code: string; why: string } => {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path)) }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    const isEncoding = code === 'ERR_ENCODING_INVALID_ENCODED_DATA'
    return { code, why: isEncoding ? 'is not UTF-8 text' : (reasons[code] ?? `cannot be read (${code})`) }
  }
}

/** A configuration with everything that is wrong about it. It may be used only when there is no problem. */
export type ReadSettings = { config: Config; problems: string[]; findings: Finding[] }

/**
 * Turns named texts into a configuration: one parse of the schema, the defaults that depend on other settings, the
 * rules across settings. `unread` names settings that were given but could not be read. Reads nothing from outside.
 */
export const readSettings = (
  values: Values,
  { cwd, unread = new Set() }: { cwd: string; unread?: ReadonlySet<string> },
): ReadSettings => {
  const leaves = leavesOf()
  const raw = Object.fromEntries(leaves.map(({ name, leaf }) => [name, values.get(leaf.env)]))
  const parsed = settings.safeParse(raw)
  const wrong = new Set(parsed.error?.issues.map(({ path }) => String(path[0])))
  const sound = Object.fromEntries(Object.entries(raw).filter(([name]) => !wrong.has(name)))
  const config = complete(parsed.success ? parsed.data : settings.parse(sound), cwd)
  const problems = leaves
    .filter(({ name }) => wrong.has(name))
    .map(({ name, schema, leaf }) => {
      const came = raw[name] ?? ''
      const shown = leaf.secret ? `one of ${came.length}` : quoted(came)
      return `${leaf.env}: expected ${expectedText(schema)}, got ${shown}.`
    })
  return { config, problems, findings: checkConfig(config, new Set([...wrong, ...unread])) }
}

const complete = (parsed: ReturnType<typeof settings.parse>, cwd: string): Config => {
  const absolute = (path: string | undefined) => (path === undefined ? undefined : resolve(cwd, path))
  return {
    ...parsed,
    host: parsed.host ?? defaultHost(parsed.profile),
    issuer: parsed.issuer ?? defaultIssuer(parsed.port),
    data_dir: resolve(cwd, parsed.data_dir),
    logo_file: absolute(parsed.logo_file),
    templates_dir: absolute(parsed.templates_dir),
    log_file: absolute(parsed.log_file),
    geoip_file: absolute(parsed.geoip_file),
    signing_algs: [...new Set(parsed.signing_algs)],
    outbound_allow: parsed.outbound_allow.map((entry) => entry.toLowerCase()),
  }
}

const unknownNames = (given: Values): string[] => {
  const known = leavesOf().flatMap(({ leaf }) => envNamesOf(leaf))
  return [...given]
    .filter(([name, value]) => /^keywright_/i.test(name) && !known.includes(name) && !isServiceLink(name, value))
    .map(([name]) => {
      const near = nearest(name, known)
      return `${name}: there is no such setting${near === undefined ? '.' : `; did you mean ${near}?`}`
    })
}

/**
 * Kubernetes puts the address of every service into every container, so a service called keywright brings
 * KEYWRIGHT_SERVICE_HOST, KEYWRIGHT_PORT=tcp://… and more that nobody wrote.
 */
const isServiceLink = (name: string, value: string): boolean =>
  /_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)$|_PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$/.test(name) ||
  (name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value))

/** The known name that a wrong one was probably meant to be: an old name's successor, else the one with fewest edits. */
const nearest = (name: string, known: readonly string[]): string | undefined => {
  const bare = name.toUpperCase().replace(/^KEYWRIGHT_/, '')
  const ours = findOldName(bare)?.ours
  if (ours !== undefined) return ours
  const ranked = known
    .map((candidate) => ({ candidate, edits: editsBetween(bare, candidate.replace(/^KEYWRIGHT_/, '')) }))
    .toSorted((a, b) => a.edits - b.edits)
  const [best] = ranked
  return best !== undefined && best.edits <= Math.max(2, Math.floor(bare.length / 3)) ? best.candidate : undefined
}

/** Levenshtein's distance: how many letters must be put in, taken out or replaced. */
const editsBetween = (a: string, b: string): number => {
  let above = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (const [row, letter] of a.split('').entries()) {
    const current = [row + 1]
    for (const [column, other] of b.split('').entries()) {
      const replaced = (above[column] ?? 0) + (letter === other ? 0 : 1)
      current.push(Math.min(replaced, (above[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1))
    }
    above = current
  }
  return above.at(-1) ?? 0
}
