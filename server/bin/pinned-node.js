// Owns finding the Node that npm installed for this project (the node-<platform>-<arch> packages of the lockfile).
// Plain JavaScript that also runs on Node 20: it is read before the right Node is found. Never starts anything.
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const os = process.platform === 'win32' ? 'win' : process.platform
const binary = process.platform === 'win32' ? 'node.exe' : 'node'

/** The sentence for a person whose Node is too old and who has no pinned one either. */
export const noNodeSentence = `Keywright needs Node 24 or later and this is ${process.version}: run "npm ci" in the project's folder, which also installs the right Node, or install Node 24 from https://nodejs.org.`

/**
 * Whether this process can run the TypeScript sources as they are: Node 24 or later with type stripping on.
 * @returns {boolean}
 */
export const runsTypeScript = () =>
  Number(process.versions.node.split('.')[0]) >= 24 && Boolean(process.features.typescript)

/**
 * The path of the pinned Node, looked for in every node_modules from this file upward; undefined when there is none.
 * The real binary is preferred to .bin/node, which is a .cmd file on Windows and cannot be spawned without a shell.
 * @returns {string | undefined}
 */
export function findPinnedNode() {
  const inModules = [join(`node-${os}-${process.arch}`, 'bin', binary)]
  if (os !== 'win') inModules.push(join('.bin', 'node'))
  return upward(dirname(fileURLToPath(import.meta.url)))
    .flatMap((folder) => inModules.map((path) => join(folder, 'node_modules', path)))
    .find((path) => existsSync(path))
}

/**
 * A folder and all its parents, nearest first.
 * @param {string} folder
 * @returns {string[]}
 */
function upward(folder) {
  const parent = dirname(folder)
  return parent === folder ? [folder] : [folder, ...upward(parent)]
}
