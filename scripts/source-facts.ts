/**
 * Owns reading one TypeScript file into the facts the import rules judge: its imports, its reach for the environment
 * and the network, its clock and randomness. Parses a real syntax tree, so that comments and strings never count.
 * Never decides what is allowed (import-rules.ts does). Start reading at `readFacts`.
 */
import { parseAst } from 'vitest/node'

/** One import, export-from, dynamic import or type import; `names` are the names as the other module exports them. */
export type Import = { from: string; typeOnly: boolean; names: string[]; line: number }

/** A use of something that only one file, or no pure file, may touch. */
export type Use = { what: 'env' | 'network' | 'clock' | 'randomness' | 'process'; text: string; line: number }

/** What the rules know about one file; `lines` counts the lines of the file. */
export type Facts = { imports: Import[]; uses: Use[]; lines: number }

type Node = { type: string; start: number; [key: string]: unknown }

/**
 * Reads the facts of one file.
 * @throws SyntaxError when the file cannot be parsed.
 */
export function readFacts(code: string, file: string): Facts {
  // oxlint-disable-next-line typescript/no-deprecated -- its successor is exported by vite only, which we do not depend on
  const nodes = walk(parseAst(code, { lang: 'ts' }, file))
  const lineOf = (node: Node): number => code.slice(0, node.start).split('\n').length
  const imports = nodes.flatMap((node) => {
    const from = moduleName(node)
    return from === undefined ? [] : [{ from, ...importedNames(node), line: lineOf(node) }]
  })
  const httpNames = new Set(nodes.flatMap(httpNamespaces))
  const uses = nodes.flatMap((node) => {
    const use = memberUse(node) ?? callUse(node, httpNames) ?? importUse(node)
    return use === undefined ? [] : [{ ...use, line: lineOf(node) }]
  })
  return { imports, uses, lines: code.replace(/\n$/, '').split('\n').length }
}

/** Every node of a tree, parents before children. */
function walk(value: unknown): Node[] {
  if (Array.isArray(value)) return value.flatMap(walk)
  if (typeof value !== 'object' || value === null) return []
  const below = Object.values(value).flatMap(walk)
  return isNode(value) ? [value, ...below] : below
}

const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'

/** The module a node imports from, when it does. */
function moduleName(node: Node): string | undefined {
  const imports = [
    'ImportDeclaration',
    'ExportNamedDeclaration',
    'ExportAllDeclaration',
    'ImportExpression',
    'TSImportType',
  ]
  if (!imports.includes(node.type) || !isNode(node.source)) return undefined
  return typeof node.source.value === 'string' ? node.source.value : undefined
}

/** The names an import asks for, and whether all of them are types (which are gone at run time). */
function importedNames(node: Node): { names: string[]; typeOnly: boolean } {
  if (node.type === 'TSImportType') return { names: [], typeOnly: true }
  const wholeIsType = node.importKind === 'type' || node.exportKind === 'type'
  if (!Array.isArray(node.specifiers)) return { names: wholeIsType ? [] : ['*'], typeOnly: wholeIsType }
  const specifiers = node.specifiers.filter(isNode)
  const isType = (one: Node): boolean => wholeIsType || one.importKind === 'type' || one.exportKind === 'type'
  const typeOnly = wholeIsType || (specifiers.length > 0 && specifiers.every(isType))
  const names = specifiers.filter((one) => !isType(one)).map((one) => nameOf(one.imported) ?? nameOf(one.local) ?? '*')
  return { names, typeOnly }
}

const nameOf = (node: unknown): string | undefined =>
  isNode(node) && typeof node.name === 'string' ? node.name : undefined

/** The local names under which node:http and its kin are imported whole (`import http from …`, `import * as http …`). */
function httpNamespaces(node: Node): string[] {
  if (node.type !== 'ImportDeclaration' || !isHttp(moduleName(node)) || !Array.isArray(node.specifiers)) return []
  return node.specifiers
    .filter(isNode)
    .filter((one) => one.type !== 'ImportSpecifier')
    .flatMap((one) => nameOf(one.local) ?? [])
}

const isHttp = (module: string | undefined): boolean => /^(node:)?(http|https|http2)$/.test(module ?? '')

/** `process.env`, `Math.random`, `Date.now`, and any other use of `process`. */
function memberUse(node: Node): Omit<Use, 'line'> | undefined {
  if (node.type === 'VariableDeclarator' && nameOf(node.init) === 'process' && isNode(node.id)) {
    const takesEnv = walk(node.id).some((one) => nameOf(one) === 'env')
    return { what: takesEnv ? 'env' : 'process', text: takesEnv ? 'process.env' : 'process' }
  }
  if (node.type !== 'MemberExpression') return undefined
  const text = `${lastName(node.object)}.${lastName(node.property)}`
  if (text === 'process.env') return { what: 'env', text }
  if (text === 'Math.random') return { what: 'randomness', text }
  if (text === 'Date.now' || text === 'performance.now') return { what: 'clock', text }
  return nameOf(node.object) === 'process' ? { what: 'process', text } : undefined
}

/** The last word of `a`, `a.b` or `a['b']`. */
function lastName(node: unknown): string | undefined {
  if (!isNode(node)) return undefined
  if (node.type === 'MemberExpression') return lastName(node.property)
  return typeof node.value === 'string' ? node.value : nameOf(node)
}

/** `fetch(…)`, `globalThis.fetch(…)`, `http.request(…)`, `new WebSocket(…)`, `new Date()` without a time. */
function callUse(node: Node, httpNames: Set<string>): Omit<Use, 'line'> | undefined {
  if (node.type === 'NewExpression') {
    const name = nameOf(node.callee)
    if (name === 'WebSocket' || name === 'EventSource') return { what: 'network', text: `new ${name}` }
    const bare = Array.isArray(node.arguments) && node.arguments.length === 0
    return name === 'Date' && bare ? { what: 'clock', text: 'new Date()' } : undefined
  }
  if (node.type !== 'CallExpression' || !isNode(node.callee)) return undefined
  const called = lastName(node.callee)
  const owner = lastName(node.callee.object)
  // A module that is not imported is one whose use nobody sees.
  if (called === 'getBuiltinModule') return { what: 'network', text: 'getBuiltinModule(…)' }
  if (called === 'fetch' && (node.callee.type === 'Identifier' || owner === 'globalThis')) {
    return { what: 'network', text: 'fetch(…)' }
  }
  const requests = ['request', 'get', 'connect'].includes(called ?? '') && httpNames.has(owner ?? '')
  return requests ? { what: 'network', text: `${owner}.${called}(…)` } : undefined
}

/** An import whose only use is to reach the environment or the network. */
function importUse(node: Node): Omit<Use, 'line'> | undefined {
  const from = moduleName(node)
  if (from === undefined) return undefined
  const { names, typeOnly } = importedNames(node)
  if (typeOnly) return undefined
  if (/^(node:)?process$/.test(from) && names.includes('env')) return { what: 'env', text: 'env from node:process' }
  if (from === 'undici' || from.startsWith('undici/')) return { what: 'network', text: 'undici' }
  const reaching = names.find(
    (name) => (isHttp(from) && ['request', 'get', 'connect'].includes(name)) || name === 'createRemoteJWKSet',
  )
  return reaching === undefined ? undefined : { what: 'network', text: `${reaching} from ${from}` }
}
