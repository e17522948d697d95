/** Finding and installing tools, on a PATH of our own with a stand-in for apt-get, so that nothing is installed. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ensureTools, findTool, type Machine, type Tool } from './ensure-tools.ts'

const browser: Tool = { name: 'Browser', programs: ['kw-none', 'kw-browser'], places: [], packages: ['kw-package'] }
let folder = ''
let said: string[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ensure-tools-'))
  said = []
})
afterEach(() => rmSync(folder, { recursive: true }))

const machine = (isRoot: boolean): Machine => ({
  path: folder,
  isRoot,
  searchPlaces: true,
  say: (line) => said.push(line),
})

function program(name: string, script: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`)
  chmodSync(join(folder, name), 0o755)
}

/** An apt-get that notes how it was called and, on install, does what `install` says (with full paths: PATH is ours). */
function aptGet(install: string): void {
  program('apt-get', `echo "$*" >> ${folder}/calls\n[ "$1" = update ] && exit 0\n${install}`)
}

test('a tool on the PATH is found by any of its names and nothing is installed', () => {
  program('kw-browser', 'exit 0')
  aptGet('exit 1')
  expect(findTool(browser, machine(true))).toBe(join(folder, 'kw-browser'))
  expect(ensureTools([browser], machine(true))).toBeUndefined()
  expect(said).toEqual([`Browser: ${join(folder, 'kw-browser')}`])
  expect(() => readFileSync(join(folder, 'calls'))).toThrow(/ENOENT/)
})

test('a file that may not be executed is no tool, and a known place counts', () => {
  writeFileSync(join(folder, 'kw-browser'), '')
  expect(findTool(browser, machine(true))).toBeUndefined()
  program('elsewhere', 'exit 0')
  const placed = { ...browser, programs: [], places: [join(folder, 'elsewhere')] }
  expect(findTool(placed, machine(true))).toBe(join(folder, 'elsewhere'))
})

test('root on Debian: one update, one install, then it is there', () => {
  aptGet(`printf '#!/bin/sh\\n' > ${folder}/kw-browser; /bin/chmod 755 ${folder}/kw-browser`)
  expect(ensureTools([browser], machine(true))).toBeUndefined()
  expect(readFileSync(join(folder, 'calls'), 'utf8')).toBe(
    'update -qq\ninstall -y -qq --no-install-recommends kw-package\n',
  )
})

test('root on Debian: a failing apt-get is quoted', () => {
  aptGet('echo "E: Unable to locate package kw-package" >&2; exit 100')
  expect(ensureTools([browser], machine(true))).toMatch(/Missing: Browser.*failed: E: Unable to locate package/)
})

test('root on Debian: an install that changes nothing is not believed', () => {
  aptGet('exit 0')
  expect(ensureTools([browser], machine(true))).toMatch(/Browser cannot be found on the PATH/)
})

test('not root: one line that says what to install, and nothing runs', () => {
  aptGet('exit 0')
  expect(ensureTools([browser], machine(false))).toBe(
    'Missing: Browser. Run "sudo apt-get install kw-package" and run again.',
  )
  expect(() => readFileSync(join(folder, 'calls'))).toThrow(/ENOENT/)
})

test('no apt-get: one line that names the tool', () => {
  expect(ensureTools([browser], machine(true))).toBe('Missing: Browser. Install it and run again.')
})
