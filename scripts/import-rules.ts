/**
 * Owns rule 9 of the architecture as a script that fails: imports of server/src go down, in no circle, and each
 * dangerous thing has one door. Never repairs anything, never looks at tests apart from their length.
 * Start reading at `findBreaches`.
 */
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative, sep } from 'node:path'
import { type Facts, type Import, readFacts } from './source-facts.ts'

/** One broken rule at one place; `file` is relative to the tree that was read, with forward slashes. */
export type Breach = { file: string; line: number; rule: string; because: string }

/** The areas below server/src, lowest first; an import may go to the same height or down. Top: the files beside them. */
const heights = [
  ['config'],
  ['protocol'],
  ['http', 'db', 'io', 'pages'],
  ['events'],
  [
    'access',
    'account',
    'api-keys',
    'apis',
    'audit',
    'authorize',
    'clients',
    'device',
    'devices',
    'discovery',
    'examples',
    'factors',
    'federation',
    'jobs',
    'keys',
    'login',
    'operations',
    'outbox',
    'recovery',
    'saml-idp',
    'sessions',
    'settings',
    'signup',
    'token',
    'users',
    'webhooks',
  ],
  ['cli', ''],
] as const
const order = 'cli and the files of server/src → slices → events → http, db, io, pages → protocol → config'
const maxLines = 300

/** What protocol/ may take from Node: functions of their arguments, no randomness, no clock, no I/O. */
const pureNode: Record<string, string[]> = {
  'node:buffer': ['Buffer'],
  'node:crypto': ['createHash', 'createHmac', 'hash', 'timingSafeEqual'],
  'node:net': ['isIP', 'isIPv4', 'isIPv6'],
  'node:zlib': ['crc32'],
}

type File = Facts & { path: string; area: string }

/**
 * All breaches below a source folder (server/src, or a fixture of the same shape), in order of file and line.
 * @throws when a file cannot be read or parsed.
 */
export function findBreaches(root: string): Breach[] {
  const files = globSync('**/*.ts', { cwd: root })
    .map((path) => readFile(root, path.split(sep).join('/')))
    .toSorted((a, b) => a.path.localeCompare(b.path))
  const sources = files.filter((file) => !file.path.endsWith('.test.ts'))
  return [
    ...files.flatMap(lengthBreaches),
    ...sources.flatMap((file) => [...importBreaches(file), ...useBreaches(file)]),
    ...cycleBreaches(sources),
  ].toSorted((a, b) => a.file.localeCompare(b.file) || a.line - b.line)
}

function readFile(root: string, path: string): File {
  const area = path.includes('/') ? (path.split('/')[0] ?? '') : ''
  return { path, area, ...readFacts(readFileSync(join(root, path), 'utf8'), path) }
}

function lengthBreaches(file: File): Breach[] {
  if (file.path.endsWith('.gen.ts') || file.lines <= maxLines) return []
  const because = `${file.lines} lines; a file has at most ${maxLines}: split it by what changes together.`
  return [{ file: file.path, line: maxLines + 1, rule: 'file length', because }]
}

function importBreaches(file: File): Breach[] {
  if (heightOf(file.area) === -1) {
    const because = `server/src/${file.area} has no place in the order ${order}; give it one in scripts/import-rules.ts.`
    return [{ file: file.path, line: 1, rule: 'unknown area', because }]
  }
  return file.imports.flatMap((one) => {
    const found = [upwardImport(file, one), foreignStore(file, one), impureProtocol(file, one), strayFastify(file, one)]
    return found.flatMap((rest) => (rest === undefined ? [] : [{ file: file.path, line: one.line, ...rest }]))
  })
}

type Found = { rule: string; because: string } | undefined

function upwardImport(file: File, one: Import): Found {
  const target = resolve(file, one)
  if (target === undefined || isCtxType(file, one)) return undefined
  if (target.startsWith('..')) return { rule: 'upward import', because: `${one.from} is outside server/src.` }
  const area = target.includes('/') ? (target.split('/')[0] ?? '') : ''
  if (heightOf(area) <= heightOf(file.area)) return undefined
  return { rule: 'upward import', because: `${one.from} lies above ${file.area}/. Imports go down: ${order}.` }
}

function foreignStore(file: File, one: Import): Found {
  const target = resolve(file, one)
  if (target === undefined || !/(^|\/|-)store\.ts$/.test(target)) return undefined
  if (posix.dirname(target) === file.area || target.startsWith(`${file.area}/`)) return undefined
  const because = `${target} belongs to ${posix.dirname(target)}/ alone: ask that area for a function.`
  return { rule: 'foreign store', because }
}

function impureProtocol(file: File, one: Import): Found {
  if (file.area !== 'protocol') return undefined
  const target = resolve(file, one)
  if (target?.startsWith('protocol/')) return undefined
  if (one.from === 'jose' && one.typeOnly) return undefined
  const pureNames = pureNode[one.from]
  if (pureNames !== undefined && one.names.every((name) => pureNames.includes(name))) return undefined
  const because = `${one.names.join(', ')} of ${one.from}: protocol/ imports only itself, types of jose and pure functions of Node.`
  return { rule: 'pure protocol', because }
}

function strayFastify(file: File, one: Import): Found {
  if (file.area === 'http' || !/^(fastify$|fastify-|@fastify\/)/.test(one.from)) return undefined
  return { rule: 'fastify at the edge', because: `${one.from} is known to http/ only.` }
}

function useBreaches(file: File): Breach[] {
  return file.uses.flatMap((use) => {
    const place = { file: file.path, line: use.line }
    if (use.what === 'env' && file.path !== 'config/load.ts') {
      return [{ ...place, rule: 'one door: environment', because: `${use.text}: only config/load.ts reads it.` }]
    }
    if (use.what === 'network' && file.path !== 'io/outbound.ts') {
      return [{ ...place, rule: 'one door: outbound', because: `${use.text}: only io/outbound.ts calls out.` }]
    }
    if (file.area === 'protocol' && use.what !== 'env' && use.what !== 'network') {
      const because = `${use.text}: in protocol/ time, random bytes and settings are arguments.`
      return [{ ...place, rule: 'pure protocol', because }]
    }
    return []
  })
}

/** One breach for each circle of imports, at the import that closes it. */
function cycleBreaches(files: File[]): Breach[] {
  const byPath = new Map(files.map((file) => [file.path, file]))
  const done = new Set<string>()
  const visit = (file: File, trail: string[]): Breach[] => {
    if (done.has(file.path)) return []
    const found = file.imports.flatMap((one) => {
      const next = byPath.get(resolve(file, one) ?? '')
      if (next === undefined || isCtxType(file, one)) return []
      const path = [...trail, file.path]
      const start = path.indexOf(next.path)
      if (start === -1) return visit(next, path)
      const because = [...path.slice(start), next.path].join(' → ')
      return [{ file: file.path, line: one.line, rule: 'import cycle', because }]
    })
    done.add(file.path)
    return found
  }
  return files.flatMap((file) => visit(file, []))
}

/** The imported file relative to the root (`../` in front when outside); undefined for a package. */
function resolve(file: File, one: Import): string | undefined {
  if (!one.from.startsWith('.')) return undefined
  return posix.normalize(posix.join(posix.dirname(file.path), one.from))
}

/** `import type { Ctx } from '../ctx.ts'`: the record every slice and the edge are handed; a type is no dependency. */
function isCtxType(file: File, one: Import): boolean {
  return one.typeOnly && resolve(file, one) === 'ctx.ts' && !['config', 'protocol', 'db'].includes(file.area)
}

const heightOf = (area: string): number => heights.findIndex((areas) => areas.some((name) => name === area))

if (import.meta.main) {
  const root = join(dirname(import.meta.dirname), 'server', 'src')
  const breaches = findBreaches(root)
  for (const { file, line, rule, because } of breaches) {
    console.log(`${relative(process.cwd(), join(root, file))}:${line} ${rule}: ${because}`)
  }
  console.log(breaches.length === 0 ? 'Import rules: no breach.' : `Import rules: ${breaches.length} breaches.`)
  process.exitCode = breaches.length === 0 ? 0 : 1
}
