/**
 * Owns the translation of an older system's `.env` file into ours, with its key files.
 * Never writes a file, never repeats a secret in a note. Start reading at `importOldEnv`.
 */
import { createPrivateKey } from 'node:crypto'
import { parseEnv } from 'node:util'
import { readSettings } from './load.ts'
import { findOldName, type OldName, oldNames } from './old-names.ts'
import { composeParts, convertOldValue } from './old-values.ts'
import { defaultOf, envLine, envNamesOf, expectedText } from './print.ts'
import { leavesOf } from './schema.ts'

/** A private key of the old system, as PEM. `path` is where it lay, or a name to save it under when it lay in the file. */
export type KeyFile = { path: string; pem: string }

/** `env` is the text of a new `.env`; `notes` say what changed, what has no counterpart and what is left to do. */
export type ImportedEnv = { env: string; keyFiles: KeyFile[]; notes: string[] }

/**
 * Translates the text of an old `.env`. Units become seconds, numbers move into our ranges, addresses given in parts
 * are put together. `readFile` answers with a key file's text, or undefined. The result always loads in development;
 * what production would still refuse stands in the notes. Never throws for what the old file holds.
 */
export const importOldEnv = (text: string, readFile: (path: string) => string | undefined): ImportedEnv => {
  const sheet: Sheet = { old: readOld(text), readFile, found: new Map(), notes: [], keyFiles: [] }
  for (const [name, value] of sheet.old) if (isOurs(name)) takeOurs(sheet, name, value)
  for (const [name, value] of sheet.old) if (!isOurs(name)) takeOld(sheet, name, value)
  for (const { env, from, value, note } of composeParts(sheet.old)) {
    if (note !== undefined) sheet.notes.push(`${from}: it ${note}`)
    if (value !== undefined) take(sheet, { name: from, value, env, how: /^\d+$/.test(value) ? 'count' : 'text' })
  }
  dropWrong(sheet)
  repairPairs(sheet)
  for (const { text: problem } of remainingProblems(sheet)) sheet.notes.push(`Before the first start: ${problem}`)
  return { env: renderEnv(sheet), keyFiles: sheet.keyFiles, notes: sheet.notes }
}

type Found = { value: string; from: string }
type Sheet = {
  old: ReadonlyMap<string, string>
  readFile: (path: string) => string | undefined
  found: Map<string, Found>
  notes: string[]
  keyFiles: KeyFile[]
}

/**
 * The old file's names and values, with ${NAME} and ${NAME:-default} filled in as the older systems' readers do. They
 * come in the order of our table, so that of two names for one setting the plainer one counts.
 */
const readOld = (text: string): ReadonlyMap<string, string> => {
  const raw = new Map(Object.entries(parseEnv(text.replace(/^\uFEFF/, ''))))
  const fill = (value: string, depth: number): string =>
    value.replace(/\$\{(\w+)(?::?-([^}]*))?\}/g, (whole, name: string, otherwise: string | undefined) => {
      const other = raw.get(name) ?? otherwise
      return other === undefined || depth > 4 ? whole : fill(other, depth + 1)
    })
  const order = oldNames.flatMap(({ names }) => names)
  const rank = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length)
  return new Map(
    [...raw.keys()]
      .toSorted((a, b) => rank(a) - rank(b))
      .map((name) => [name, fill(raw.get(name) ?? '', 0)] as const)
      .filter(([, value]) => value.trim() !== ''),
  )
}

const leafOf = (env: string) => leavesOf().find(({ leaf }) => envNamesOf(leaf).includes(env))
const isOurs = (name: string): boolean => leafOf(name) !== undefined

const takeOurs = (sheet: Sheet, name: string, value: string): void => {
  const addresses: Record<string, OldName['how']> = { DATABASE_URL: 'database', REDIS_URL: 'redis' }
  take(sheet, { name, value, env: name, how: addresses[name] ?? 'text' })
}

const takeOld = (sheet: Sheet, name: string, value: string): void => {
  const row = findOldName(name)
  if (row === undefined) sheet.notes.push(`${name}: not known here; left out.`)
  else if (row.how === 'key') takeKey(sheet, name, value)
  else if (row.ours === undefined) sheet.notes.push(`${name}: it has no counterpart. ${row.remark}`)
  else if (row.how !== 'part') take(sheet, { name, value, env: row.ours, how: row.how })
}

const take = (sheet: Sheet, asked: { name: string; value: string; env: string; how: OldName['how'] }): void => {
  const target = leafOf(asked.env)
  if (target === undefined) return
  const { value, note } = convertOldValue(asked.how, asked.value, { env: asked.env, schema: target.schema })
  const kept = sheet.found.get(asked.env)
  if (kept !== undefined) {
    if (kept.value !== value)
      sheet.notes.push(`${asked.name}: ${asked.env} was already taken from ${kept.from}; left out.`)
    return
  }
  if (note !== undefined) sheet.notes.push(`${asked.name}: it ${note}`)
  if (value !== undefined) put(sheet, asked.env, { value, from: asked.name })
}

const put = (sheet: Sheet, env: string, { value, from }: Found): void => {
  const line = envLine(env, value)
  if (line !== undefined && parseEnv(line)[env] === value) sheet.found.set(env, { value, from })
  else sheet.notes.push(`${from}: no quotes of a .env file fit its value; set ${env} in the environment.`)
}

const takeKey = (sheet: Sheet, name: string, value: string): void => {
  const isInline = value.includes('-----BEGIN')
  const path = isInline ? `${name.toLowerCase().replaceAll('_', '-')}.pem` : value
  const pem = isInline ? value.replaceAll('\\n', '\n') : sheet.readFile(value)
  const wrong = pem === undefined ? 'there is no such key file.' : checkPem(pem)
  if (pem === undefined || wrong !== undefined) {
    sheet.notes.push(`${name}: ${wrong}`)
    return
  }
  if (sheet.keyFiles.some((known) => known.pem === pem)) return
  sheet.keyFiles.push({ path, pem })
  sheet.notes.push(
    `${name}: tokens of the old system stay valid after \`keywright keys import --pem ${path} --passive\`.`,
  )
}

/** KY-2: RSA of 2048 bits and more, P-256 and Ed25519 are the keys that this server signs with. */
const checkPem = (pem: string): string | undefined => {
  if (pem.includes('ENCRYPTED'))
    return 'the key has a passphrase; take it off with `openssl pkey -in old.pem -out new.pem`.'
  try {
    const { asymmetricKeyType: type, asymmetricKeyDetails: details } = createPrivateKey(pem)
    if (type === 'rsa' && (details?.modulusLength ?? 0) >= 2048) return undefined
    if (type === 'ed25519' || (type === 'ec' && details?.namedCurve === 'prime256v1')) return undefined
    return 'the key is not RSA of at least 2048 bits, P-256 or Ed25519; left out.'
  } catch {
    return 'the file holds no private key in PEM form.'
  }
}

const valuesOf = (sheet: Sheet): Map<string, string> =>
  new Map([...sheet.found].map(([env, { value }]) => [env, value]))

/** Leaves out each value that our schema, or a rule about that setting alone, would refuse. */
const dropWrong = (sheet: Sheet): void => {
  for (const { name, schema, leaf } of leavesOf()) {
    const found = sheet.found.get(leaf.env)
    if (found === undefined) continue
    const alone = readSettings(new Map([[leaf.env, found.value]]), { cwd: '/' })
    const isRefused = alone.findings.some(({ level, reads }) => level === 'problem' && reads.join() === name)
    if (alone.problems.length === 0 && !isRefused) continue
    sheet.found.delete(leaf.env)
    sheet.notes.push(`${found.from}: ${leaf.env} takes ${expectedText(schema)}; left out.`)
  }
}

/** A shorter time that is longer than the one that bounds it: the one that the old file did not give is moved. */
const repairPairs = (sheet: Sheet): void => {
  for (const kind of ['REFRESH', 'SESSION']) {
    const [idle, absolute] = [`KEYWRIGHT_${kind}_IDLE_SECONDS`, `KEYWRIGHT_${kind}_ABSOLUTE_SECONDS`]
    if (numberOf(sheet, idle) <= numberOf(sheet, absolute)) continue
    const [moved, like] = sheet.found.has(absolute) ? [idle, absolute] : [absolute, idle]
    move(sheet, { moved, like, value: numberOf(sheet, like) })
  }
  const [publish, rotate] = ['KEYWRIGHT_KEY_PUBLISH_SECONDS', 'KEYWRIGHT_KEY_ROTATE_SECONDS']
  if (numberOf(sheet, publish) < numberOf(sheet, rotate)) return
  move(sheet, { moved: publish, like: rotate, value: Math.floor(numberOf(sheet, rotate) / 2) })
}

const numberOf = (sheet: Sheet, env: string): number => {
  const target = leafOf(env)
  return Number(sheet.found.get(env)?.value ?? (target ? defaultOf(target.schema) : Number.NaN))
}

const move = (sheet: Sheet, { moved, like, value }: { moved: string; like: string; value: number }): void => {
  sheet.found.set(moved, { value: String(value), from: like })
  sheet.notes.push(`${moved} was set to ${value}, so that it does not contradict ${like}.`)
}

/** What is left is for a person to decide: production's demands, and settings that came under our own names. */
const remainingProblems = (sheet: Sheet) => {
  const inFiles = leavesOf().filter(({ leaf }) => sheet.found.has(`${leaf.env}_FILE`))
  const { findings } = readSettings(valuesOf(sheet), { cwd: '/', unread: new Set(inFiles.map(({ name }) => name)) })
  return findings.filter(({ level }) => level === 'problem')
}

const renderEnv = (sheet: Sheet): string => {
  const lines = leavesOf()
    .flatMap(({ leaf }) => envNamesOf(leaf))
    .flatMap((env) => {
      const found = sheet.found.get(env)
      return found === undefined ? [] : [`# from ${found.from}`, envLine(env, found.value) ?? '', '']
    })
  const notes = sheet.notes.map((note) => `# - ${note.replaceAll(/\s+/g, ' ')}`)
  const head = ['# Translated by `keywright config import`. Read the notes at the end, then save this as .env.', '']
  return `${[...head, ...lines, '# Notes', ...(notes.length > 0 ? notes : ['# - none'])].join('\n')}\n`
}
