/**
 * Owns the proof that a fresh copy of this repository starts with two commands, as a person would type them: a folder
 * that only its owner may enter, `npm ci --ignore-scripts`, `npx keywright`, `npm start`, an answer, SIGTERM, and no
 * process left.
 * Copies the files of the working tree (or of a folder that is named); with --clone it clones the last commit instead.
 * Start reading at `main`.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, sep } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from '../server/test/support/port.ts'
import { processesOf } from './processes.ts'
import { root } from './steps.ts'

const source = process.argv.slice(2).find((word) => !word.startsWith('--')) ?? root
const startsWithinMs = 90_000
const stopsWithinMs = 20_000

await main()

async function main(): Promise<void> {
  // mkdtemp makes it 0700, like `mktemp -d` and a private home: PostgreSQL's own user may not pass through it.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'keywright-clone-')))
  try {
    if (process.argv.includes('--clone')) execFileSync('git', ['clone', '--quiet', source, folder])
    else copyTree(folder)
    install(folder)
    runCommandLine(folder)
    await startAndStop(folder)
    console.log('A fresh copy installs, starts, answers and stops.')
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  } finally {
    for (const { pid } of processesOf(folder)) process.kill(pid, 'SIGKILL')
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  }
}

/** Copies what git would commit; without git (a source archive), everything but what is made here. */
function copyTree(folder: string): void {
  const listed = spawnSync('git', ['ls-files', '-co', '--exclude-standard', '-z'], { cwd: source, encoding: 'utf8' })
  if (listed.status !== 0) {
    const made = ['node_modules', '.git', 'data', 'coverage', 'test-results'].map((name) => sep + name)
    const filter = (path: string): boolean => !made.some((end) => path.endsWith(end))
    return cpSync(source, folder, { recursive: true, filter })
  }
  for (const file of listed.stdout.split('\0')) {
    if (file !== '' && existsSync(join(source, file))) cpSync(join(source, file), join(folder, file))
  }
}

function install(folder: string): void {
  const started = performance.now()
  const args = ['ci', '--ignore-scripts', '--prefer-offline']
  const { status, stdout, stderr } = npm(args, folder)
  if (status !== 0) throw new Error(`npm ${args.join(' ')} failed:\n${stdout}${stderr}`)
  console.log(`npm ${args.join(' ')}: ${seconds(started)}`)
}

/** `npx keywright` from the root, before any server has run. */
function runCommandLine(folder: string): void {
  const { status, stdout, stderr } = npm(['exec', '--no', '--', 'keywright', '--help'], folder)
  if (status !== 0) throw new Error(`npx keywright --help failed:\n${stdout}${stderr}`)
}

/** npm as the person's shell would find it: without what the outer `npm test` added to the environment. */
function npm(args: string[], folder: string): { status: number | null; stdout: string; stderr: string } {
  const shell = process.platform === 'win32'
  return spawnSync('npm', args, { cwd: folder, env: outsideEnv(), encoding: 'utf8', shell })
}

function outsideEnv(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|KEYWRIGHT_|NODE_|VITEST|DATABASE_URL$|REDIS_URL$|PORT$|INIT_CWD$)/.test(name),
  )
  const path = (process.env.PATH ?? '').split(':').filter((part) => !part.includes('node_modules'))
  return { ...Object.fromEntries(kept), ...(process.platform === 'win32' ? {} : { PATH: path.join(':') }) }
}

async function startAndStop(folder: string): Promise<void> {
  const port = await freePort()
  const started = performance.now()
  const child = spawn('npm', ['start'], {
    cwd: folder,
    env: { ...outsideEnv(), PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32',
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)))
  const failed = (why: string) => new Error(`npm start ${why}. Its output:\n${output}`)

  const issuer = await issuerOf(port, child)
  if (issuer !== `http://localhost:${port}`) throw failed(`did not answer on discovery (${issuer})`)
  console.log(`npm start answered on discovery after ${seconds(started)}`)

  const stopping = performance.now()
  child.kill('SIGTERM')
  const gone = await Promise.race([once(child, 'exit').then(() => true), sleep(stopsWithinMs, false, { ref: false })])
  if (!gone) throw failed(`was still there ${stopsWithinMs / 1000} s after SIGTERM`)
  const left = await processesAfter(folder)
  if (left !== '') throw failed(`left processes after SIGTERM:\n${left}`)
  console.log(`SIGTERM to npm start: everything gone after ${seconds(stopping)}`)
}

/** The issuer that discovery names, or why there is none; gives up when the process ends or time is over. */
async function issuerOf(port: number, child: ChildProcess): Promise<string> {
  const until = performance.now() + startsWithinMs
  let last = 'no answer'
  while (performance.now() < until && child.exitCode === null && child.signalCode === null) {
    try {
      const reply = await fetch(`http://localhost:${port}/.well-known/openid-configuration`)
      const document: unknown = await reply.json()
      if (reply.ok && typeof document === 'object' && document !== null && 'issuer' in document) {
        return String(document.issuer)
      }
      last = `status ${reply.status}`
    } catch (error) {
      last = error instanceof Error ? error.message : String(error)
    }
    await sleep(100)
  }
  return last
}

/** What still runs from the folder two seconds later at most, one line each. */
async function processesAfter(folder: string): Promise<string> {
  for (let tries = 0; tries < 20 && processesOf(folder).length > 0; tries += 1) await sleep(100)
  return processesOf(folder)
    .map(({ pid, command }) => `${pid} ${command}`)
    .join('\n')
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`
}
