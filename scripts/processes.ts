/** Owns finding the processes that belong to a folder: by their command line, their working folder or their program. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** A process, with its command line for people. */
export type Process = { pid: number; command: string }

/** The living processes that were started from the folder or work in it; this process is not one of them. */
export function processesOf(folder: string): Process[] {
  const all = process.platform === 'linux' ? linuxProcesses() : listedProcesses()
  return all.filter(({ pid, traces }) => pid !== process.pid && traces.some((trace) => trace.includes(folder)))
}

type Traced = Process & { traces: string[] }

function linuxProcesses(): Traced[] {
  const pids = readdirSync('/proc').map(Number).filter(Number.isInteger)
  return pids.flatMap((pid) => {
    const command = attempt(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim())
    // A zombie has no command line; it is dead already and only waits to be counted by its parent.
    if (command === '') return []
    const links = [attempt(() => readlinkSync(`/proc/${pid}/cwd`)), attempt(() => readlinkSync(`/proc/${pid}/exe`))]
    return [{ pid, command, traces: [command, ...links] }]
  })
}

/** macOS and others: only the command line is known. */
function listedProcesses(): Traced[] {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'pid=,args='], { encoding: 'utf8' })
  return stdout.split('\n').flatMap((line) => {
    const [, pid, command = ''] = /^\s*(\d+)\s+(.*)$/.exec(line) ?? []
    return pid === undefined ? [] : [{ pid: Number(pid), command, traces: [command] }]
  })
}

/** A process may end while it is looked at. */
function attempt(read: () => string): string {
  try {
    return read()
  } catch {
    return ''
  }
}
