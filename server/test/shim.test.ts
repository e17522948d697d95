/**
 * server/bin on an old Node: the pinned Node takes over, with arguments, input, output, signals and exit handed on.
 * The shim is tried in a tree of its own whose src/ only reports what reached it. This Node, told not to run TypeScript,
 * is as good as an old one; the system's Node is tried too when it is older than 24.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const repository = dirname(dirname(import.meta.dirname))
let tree = ''
let shim = ''
const children: ChildProcess[] = []

beforeEach(() => {
  tree = mkdtempSync(join(tmpdir(), 'shim-'))
  shim = join(tree, 'server/bin/keywright.js')
  cpSync(join(repository, 'server/bin'), join(tree, 'server/bin'), { recursive: true })
  mkdirSync(join(tree, 'server/src'))
  writeFileSync(join(tree, 'package.json'), '{"type":"module"}')
  writeFileSync(join(tree, 'server/src/cli.ts'), source('cli'))
  writeFileSync(join(tree, 'server/src/main.ts'), source('main'))
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  rmSync(tree, { recursive: true })
})

/** Says who it is and what it got; then does what its first line of input asks for. */
const source = (name: string): string => `
process.on('SIGTERM', () => { console.log('draining'); process.exit(7) })
const report: object = { name: '${name}', version: process.versions.node, args: process.argv.slice(2), pid: process.pid,
  marker: Object.keys(process.env).filter((key) => key.includes('KEYWRIGHT')) }
console.log(JSON.stringify(report))
const staying = setInterval(() => {}, 1000)
process.stdin.once('data', (line: Buffer) => {
  const order = String(line).trim()
  if (order === 'exit') process.exit(5)
  if (order === 'finish') { clearInterval(staying); process.stdin.destroy() }
  if (order === 'die') process.kill(process.pid, 'SIGKILL')
})
`

/** Where npm put the Node of this platform, as the shim should find it above itself. */
function pinNode(): void {
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
  mkdirSync(join(tree, 'node_modules', name, 'bin'), { recursive: true })
  symlinkSync(process.execPath, join(tree, 'node_modules', name, 'bin', 'node'))
}

type Command = [string, ...string[]]
const tooOld: Command = [process.execPath, '--no-strip-types']

/** The first Node on the PATH outside this project, when it is older than 24. */
function oldNodes(): Command[] {
  const outside = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => !folder.includes('node_modules'))
    .map((folder) => join(folder, 'node'))
    .find((path) => existsSync(path))
  const version = outside === undefined ? '' : spawnSync(outside, ['--version'], { encoding: 'utf8' }).stdout
  const major = Number(/^v(\d+)\./.exec(version)?.[1])
  return outside !== undefined && major >= 20 && major < 24 ? [[outside]] : []
}

type Started = { child: ChildProcess; report: Record<string, unknown>; rest: Promise<string> }

async function start([program, ...flags]: Command, args: string[], script = shim): Promise<Started> {
  const child = spawn(program, [...flags, script, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return { child, report: JSON.parse(String(line)) as Record<string, unknown>, rest: text(child.stdout) }
}

const isAlive = (pid: unknown): boolean => {
  try {
    return process.kill(Number(pid), 0)
  } catch {
    return false
  }
}

const nodes: Command[] = [[process.execPath], tooOld, ...oldNodes()]

describe.each(nodes.map((node) => ({ node, name: node.join(' ') })))('under $name', ({ node }) => {
  beforeEach(pinNode)

  test.each([
    ['main', []],
    ['main', ['serve']],
    ['cli', ['serve', '--help']],
    ['cli', ['user', 'create', '--email', 'a b@example.com', '']],
  ])('%s gets the arguments %j, and no trace of the change', async (name, args) => {
    const { child, report } = await start(node, args)
    expect(report).toMatchObject({ name, args, version: process.versions.node, marker: [] })
    child.kill('SIGTERM')
    await once(child, 'exit')
  })

  test('it works through a link, as node_modules/.bin has it', async () => {
    mkdirSync(join(tree, 'node_modules/.bin'))
    symlinkSync('../../server/bin/keywright.js', join(tree, 'node_modules/.bin/keywright'))
    const { child, report } = await start(node, ['pkce'], join(tree, 'node_modules/.bin/keywright'))
    expect(report).toMatchObject({ name: 'cli', args: ['pkce'] })
    child.kill('SIGTERM')
    await once(child, 'exit')
  })

  test('SIGTERM arrives, its answer and exit code come back, no process stays', async () => {
    const { child, report, rest } = await start(node, ['serve'])
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([7, null])
    expect(await rest).toBe('draining\n')
    expect(isAlive(report.pid)).toBe(false)
  })

  test('input reaches the program and its exit code comes back', async () => {
    const { child } = await start(node, ['user'])
    child.stdin?.write('exit\n')
    expect(await once(child, 'exit')).toEqual([5, null])
  })

  test('a command with nothing left to do ends by itself', async () => {
    const { child } = await start(node, ['user'])
    child.stdin?.write('finish\n')
    expect(await once(child, 'exit')).toEqual([0, null])
  })

  test('the signal that ends the program ends us', async () => {
    const { child } = await start(node, ['user'])
    child.stdin?.write('die\n')
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL'])
  })

  test('kill -9 of what was started leaves nothing behind: the program drains', async () => {
    const { child, report, rest } = await start(node, ['serve'])
    child.kill('SIGKILL')
    await once(child, 'exit')
    await expect.poll(() => isAlive(report.pid), { timeout: 5000 }).toBe(false)
    expect(await rest).toBe(report.pid === child.pid ? '' : 'draining\n')
  })
})

test('without a pinned Node: one sentence that says what to do, exit code 1', () => {
  const [program, ...flags] = tooOld
  const { status, stdout, stderr } = spawnSync(program, [...flags, shim, 'serve'], {
    encoding: 'utf8',
    timeout: 20_000,
  })
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  expect(stderr).toMatch(/^Keywright needs Node 24 or later and this is v\d+.*run "npm ci".*\n$/)
})

test('a pinned Node that does not start is named', () => {
  pinNode()
  const name = `node-${process.platform}-${process.arch}`
  rmSync(join(tree, 'node_modules', name, 'bin/node'))
  writeFileSync(join(tree, 'node_modules', name, 'bin/node'), 'not a program', { mode: 0o644 })
  const [program, ...flags] = tooOld
  const { status, stderr } = spawnSync(program, [...flags, shim, 'serve'], { encoding: 'utf8', timeout: 20_000 })
  expect(status).toBe(1)
  expect(stderr).toMatch(/^Keywright needs Node 24.*does not start: .*EACCES.*\n$/)
})

test('type stripping switched off for every Node is named instead of starting again for ever', () => {
  pinNode()
  const env = { ...process.env, NODE_OPTIONS: '--no-strip-types' }
  const { status, stderr } = spawnSync(process.execPath, [shim, 'serve'], { encoding: 'utf8', env, timeout: 20_000 })
  expect(status).toBe(1)
  expect(stderr).toMatch(/remove --no-strip-types from NODE_OPTIONS/)
})

test('the word exec on Windows: runs its arguments and ends as they end', async () => {
  pinNode()
  const exec = join(tree, 'server/bin/exec.js')
  const { child, report } = await start([process.execPath], ['node', shim, 'serve'], exec)
  expect(report).toMatchObject({ name: 'main' })
  expect(report.pid).not.toBe(child.pid)
  child.kill('SIGTERM')
  expect(await once(child, 'exit')).toEqual([7, null])
  expect(spawnSync(process.execPath, [exec], { encoding: 'utf8', timeout: 20_000 }).status).toBe(2)
  const missing = spawnSync(process.execPath, [exec, 'kw-no-such-program'], { encoding: 'utf8', timeout: 20_000 })
  expect(missing.status).toBe(127)
  expect(missing.stderr).toMatch(/kw-no-such-program does not start/)
})
