/**
 * Owns the list of programs that the tests need beside what npm installs, how each is found, and how a Debian machine
 * gets it. Never installs anything when not root, never asks a question. Start reading at `ensureTools`.
 */
import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** A program the tests start: its names on the PATH, the places where other systems keep it, its Debian packages. */
export type Tool = { name: string; programs: string[]; places: string[]; packages: string[] }

/** Headless browser of the tests under server/test/browser. */
export const chromium: Tool = {
  name: 'Chromium',
  programs: ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'chrome'],
  places: [
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
    'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
  ],
  packages: ['chromium', 'fonts-liberation'],
}

/** The pool in front of PostgreSQL that the test server/test/faults/pgbouncer.test.ts starts. */
export const pgbouncer: Tool = {
  name: 'PgBouncer',
  programs: ['pgbouncer'],
  // A person's PATH on Debian lacks it.
  places: ['/usr/sbin/pgbouncer', '/usr/local/sbin/pgbouncer', '/opt/homebrew/bin/pgbouncer'],
  packages: ['pgbouncer'],
}

/** Every tool; a new kind of test adds its own here and nowhere else. */
export const tools: Tool[] = [chromium, pgbouncer]

/** The machine as far as installing goes; a parameter so that a test can stand in for an empty one. */
export type Machine = { path: string; isRoot: boolean; searchPlaces: boolean; say: (line: string) => void }

const thisMachine: Machine = {
  path: process.env.PATH ?? '',
  isRoot: process.getuid?.() === 0,
  searchPlaces: true,
  say: (line) => console.log(line),
}

/**
 * Finds or installs every tool. Returns undefined when all are there, otherwise one sentence saying what to do.
 */
export function ensureTools(wanted: Tool[] = tools, machine: Machine = thisMachine): string | undefined {
  const missing = wanted.filter((tool) => findTool(tool, machine) === undefined)
  for (const tool of wanted) if (!missing.includes(tool)) machine.say(`${tool.name}: ${findTool(tool, machine)}`)
  if (missing.length === 0) return undefined
  const names = missing.map((tool) => tool.name).join(', ')
  const packages = missing.flatMap((tool) => tool.packages)
  if (findProgram('apt-get', machine.path) === undefined) return `Missing: ${names}. Install it and run again.`
  const byHand = `apt-get install ${packages.join(' ')}`
  if (!machine.isRoot) return `Missing: ${names}. Run "sudo ${byHand}" and run again.`
  machine.say(`${names}: missing, installing with "${byHand}".`)
  const failure = install(packages, machine)
  if (failure !== undefined) return `Missing: ${names}, and "${byHand}" failed: ${failure}`
  const still = missing.filter((tool) => findTool(tool, machine) === undefined)
  if (still.length === 0) return undefined
  return `"${byHand}" ended well, yet ${still.map((tool) => tool.name).join(', ')} cannot be found on the PATH.`
}

/** The path of an installed tool, or undefined. */
export function findTool(tool: Tool, machine: Machine = thisMachine): string | undefined {
  for (const program of tool.programs) {
    const found = findProgram(program, machine.path)
    if (found !== undefined) return found
  }
  return machine.searchPlaces ? tool.places.find(isExecutable) : undefined
}

function findProgram(program: string, path: string): string | undefined {
  return path
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, program))
    .find(isExecutable)
}

/** Runs apt-get quietly, once; returns the end of its output when it failed. */
function install(packages: string[], machine: Machine): string | undefined {
  const env = { ...process.env, PATH: machine.path, DEBIAN_FRONTEND: 'noninteractive' }
  for (const args of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', ...packages],
  ]) {
    const { status, error, stdout, stderr } = spawnSync('apt-get', args, { env, encoding: 'utf8', stdio: 'pipe' })
    if (status === 0) continue
    const output = [stdout, stderr, error?.message].join('\n').trim()
    return output.split('\n').slice(-5).join(' | ')
  }
  return undefined
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
