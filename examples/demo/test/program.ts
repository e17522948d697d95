/**
 * Owns running the demo and Keywright as programs in the tests, on free ports and in a data folder of their own.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { repositoryRoot } from '../settings.ts'

export type Program = { child: ChildProcess; output: () => string; stop: () => Promise<number | null> }

const running = new Set<Program>()

/** Stops what still runs, the last first. */
export const stopAll = async (): Promise<void> => {
  for (const program of [...running].toReversed()) await program.stop()
}

export const keywright = join(repositoryRoot, 'server', 'bin', 'keywright.js')

/** An environment in which nothing of the developer's own settings is left. */
export const cleanEnv = (own: Record<string, string>): Record<string, string> => {
  const foreign = /^(KEYWRIGHT_|DEMO_|API_PORT$|PORT$|DATABASE_URL|REDIS_URL)/
  const rest = Object.entries(process.env).filter(([name]) => !foreign.test(name))
  return { ...Object.fromEntries(rest.map(([name, value]) => [name, value ?? ''])), ...own }
}

/** Starts a program and waits until it says `ready`; throws with all it said when it ends before, or takes too long. */
export const startProgram = async (args: string[], env: Record<string, string>, ready: RegExp): Promise<Program> => {
  const child = spawn(process.execPath, args, { cwd: repositoryRoot, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text))
  const exited = once(child, 'exit')
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    await exited
    running.delete(program)
    return child.exitCode
  }
  const program: Program = { child, output: () => said, stop }
  running.add(program)
  const deadline = Date.now() + 60_000
  while (!ready.test(said)) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop()
      throw new Error(`${args.join(' ')} did not become ready:\n${said}`)
    }
    await sleep(20)
  }
  return program
}

/** Runs one command of Keywright's command line and reads the JSON that it prints. */
export const runKeywright = (args: string[], env: Record<string, string>, input = ''): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const child = execFile(
      process.execPath,
      [keywright, ...args],
      { cwd: repositoryRoot, env },
      (error, stdout, stderr) => {
        if (error) reject(new Error(`keywright ${args.join(' ')}: ${stderr}`))
        else resolve(JSON.parse(stdout))
      },
    )
    child.stdin?.end(input)
  })

/** Ports that are free now, all different. */
export const freePorts = async (count: number): Promise<number[]> => {
  const servers = Array.from({ length: count }, () => createServer().listen(0, 'localhost'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}

/** Whether something listens at an address. */
export const answers = async (address: string): Promise<boolean> => {
  try {
    await fetch(address, { signal: AbortSignal.timeout(5000) })
    return true
  } catch {
    return false
  }
}
