/**
 * Owns running one named step of a check or test run: heading, time, outcome. Never decides which steps there are
 * (checks.ts, test.ts). Start reading at `runStep`.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { delimiter, dirname, join } from 'node:path'

/** The root of the repository. */
export const root = dirname(import.meta.dirname)

/** The programs that npm installed come first, the pinned Node among them. */
const path = [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter)

/** A step that was run, in the words of the summary. */
export type Outcome = { name: string; passed: boolean; seconds: number }

/** A step of a run: a name for people, and what to do; false or a thrown error means it failed. */
export type Step = { name: string; run: () => Promise<boolean> }

/** Runs a step under a one-line heading; an error is shown and counts as a failure, never stops the run. */
export async function runStep(step: Step): Promise<Outcome> {
  const started = performance.now()
  console.log(`\n== ${step.name}`)
  const passed = await step.run().catch((error: unknown) => {
    console.error(error)
    return false
  })
  const seconds = (performance.now() - started) / 1000
  console.log(`== ${step.name}: ${passed ? 'passed' : 'FAILED'} in ${seconds.toFixed(1)} s`)
  return { name: step.name, passed, seconds }
}

let running: ChildProcess | undefined

/** Asks the program of the current step to end in order, if there is one: for a run that is interrupted. */
export function interruptProgram(): void {
  running?.kill('SIGINT')
}

/** Runs a program in the root with our output as its output, input closed; true when it ended with 0. */
export function runProgram([program, ...args]: [string, ...string[]], env: NodeJS.ProcessEnv = {}): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: root,
      env: { ...process.env, PATH: path, ...env },
      stdio: ['ignore', 'inherit', 'inherit'],
      // On Windows the programs of node_modules/.bin are .cmd files, which only a shell can start.
      shell: process.platform === 'win32',
    })
    running = child
    child.on('error', reject)
    child.on('exit', (code) => {
      running = undefined
      resolve(code === 0)
    })
  })
}
