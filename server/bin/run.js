// Owns running one program in this process's place: same arguments, input, output, signals and exit.
// Plain JavaScript for Node 20. Never decides what to run (keywright.js and exec.js do).
import { spawn } from 'node:child_process'
import { isatty } from 'node:tty'

/** Signals that somebody may send to us and that are meant for the program. */
const signals = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR2']

/**
 * Starts the program and ends as it ends: with its exit code, or by the signal that ended it.
 * The IPC channel only tells the program that we are gone (kill -9 cannot be handed on), see `endWithParent`.
 * @param {string} program an executable file
 * @param {string[]} args
 * @param {{ env: NodeJS.ProcessEnv, ipc: boolean, onMissing: (error: Error) => void }} options
 */
export function runInstead(program, args, { env, ipc, onMissing }) {
  const child = spawn(program, args, { stdio: ipc ? ['inherit', 'inherit', 'inherit', 'ipc'] : 'inherit', env })
  for (const signal of signals) {
    if (process.platform === 'win32' && signal === 'SIGUSR2') continue
    process.on(signal, () => {
      if (!comesFromTheTerminal(signal)) child.kill(signal)
    })
  }
  child.on('error', onMissing)
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    for (const name of signals) process.removeAllListeners(name)
    process.kill(process.pid, signal)
  })
}

/**
 * Ends this process as SIGTERM would when the shim that started it dies without a word.
 * The channel is unreferenced: it never keeps a finished process alive.
 */
export function endWithParent() {
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
  process.channel?.unref()
}

/**
 * Ctrl-C reaches the whole foreground group, the program included; handing it on would deliver it twice.
 * @param {string} signal
 */
const comesFromTheTerminal = (signal) =>
  (signal === 'SIGINT' || signal === 'SIGHUP') && [0, 1, 2].some((descriptor) => isatty(descriptor))
