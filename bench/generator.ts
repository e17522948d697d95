/**
 * Owns the bench's end of the load process: starts it, hands it one job at a time, ends it. Start reading at
 * `startGenerator`.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Job, Outcome } from './job.ts'

export type Generator = {
  /** Runs one job. Rejects when the load process dies or does not come back in time. */
  run: (job: Job) => Promise<Outcome>
  stop: () => void
}

/** Starts the load process. */
export function startGenerator(): Generator {
  const child = fork(fileURLToPath(new URL('load.ts', import.meta.url)), { serialization: 'advanced' })
  return { run: (job) => ask(child, job), stop: () => void child.kill('SIGKILL') }
}

function ask(child: ChildProcess, job: Job): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      clearTimeout(timer)
      child.off('message', onOutcome)
      child.off('exit', onExit)
    }
    const onOutcome = (outcome: Outcome): void => {
      settle()
      resolve(outcome)
    }
    const onExit = (): void => {
      settle()
      reject(new Error('the load process died'))
    }
    const onTimeout = (): void => {
      settle()
      reject(new Error('the load process did not come back'))
    }
    const timer = setTimeout(onTimeout, (job.seconds + 45) * 1000)
    child.once('message', onOutcome)
    child.once('exit', onExit)
    child.send(job)
  })
}
