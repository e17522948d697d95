/**
 * Owns one server process under measurement: started as a user would, ended by its own id only. Start reading at
 * `startRepeatedly`.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { firstAnswer, type Subject } from './subject.ts'

export type ServerProcess = {
  pid: number
  /** From the start of the process to the first discovery answer. */
  startSeconds: number
  /** SIGTERM, and SIGKILL after fifteen seconds. */
  stop: () => Promise<void>
}

/** `script` is run by this process's Node; `folder` is its working directory and keeps what it writes to stderr. */
export type Launch = {
  /** Flags for Node itself. */ flags?: string[]
  script: string
  args: string[]
  env: NodeJS.ProcessEnv
  folder: string
  port: number
}

const started = new Set<ChildProcess>()
let ending = false

/** Starts it for the first time and `again` times more on what it left behind; the last start is the one that stays. */
export async function startRepeatedly(
  launch: Launch,
  again: number,
): Promise<{ server: ServerProcess; startSeconds: Subject['startSeconds'] }> {
  let server = await startServer(launch)
  const startSeconds = { first: server.startSeconds, again: [] as number[] }
  for (let round = 0; round < again; round += 1) {
    await server.stop()
    server = await startServer(launch)
    startSeconds.again.push(server.startSeconds)
  }
  return { server, startSeconds }
}

/** Starts it and waits for its first discovery answer. Throws with the end of its stderr when there is none. */
async function startServer({ flags = [], script, args, env, folder, port }: Launch): Promise<ServerProcess> {
  if (ending) throw new Error('The bench is ending.')
  const errors = join(folder, `stderr-${port}.txt`)
  const output = openSync(errors, 'a')
  const since = performance.now()
  const child = spawn(process.execPath, [...flags, script, ...args], {
    cwd: folder,
    env,
    stdio: ['ignore', 'ignore', output],
  })
  closeSync(output)
  endWithServers(child)
  try {
    const startSeconds = await firstAnswer(port, since, () => child.exitCode === null && child.signalCode === null)
    return { pid: child.pid ?? 0, startSeconds, stop: () => stop(child) }
  } catch (error) {
    await stop(child)
    const said = readFileSync(errors, 'utf8').trim().slice(-2000)
    throw new Error(`${script} did not start: ${error instanceof Error ? error.message : ''}\n${said}`, {
      cause: error,
    })
  }
}

/** Has a process ended with the servers when the bench is interrupted. */
export function endWithServers(child: ChildProcess): void {
  started.add(child)
  child.once('exit', () => started.delete(child))
  child.once('error', () => started.delete(child))
}

/** Ends whatever still runs, for the way out: with SIGTERM, so that a server stops its database, and soon with SIGKILL. None starts afterwards. */
export async function endServers(): Promise<void> {
  ending = true
  await Promise.all([...started].map((child) => stop(child, 5000)))
}

async function stop(child: ChildProcess, patienceMs = 15_000): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const impatience = setTimeout(() => child.kill('SIGKILL'), patienceMs)
  child.kill('SIGTERM')
  await ended
  clearTimeout(impatience)
}
