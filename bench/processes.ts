/**
 * Owns what the kernel says about processes: CPU time and memory of whole process trees, from /proc. Linux only; never
 * signals anybody. Start reading at `cpuSeconds`.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

type Stat = { pid: number; parent: number; ticks: number }

let ticksPerSecond = 0

/**
 * CPU seconds that the trees below these processes have used up to now, user and system, children that ended and were
 * waited for included. The difference of two calls is what happened between them.
 */
export function cpuSeconds(roots: readonly number[]): number {
  if (ticksPerSecond === 0) ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))
  const ticks = treeOf(roots).reduce((sum, stat) => sum + stat.ticks, 0)
  return ticks / ticksPerSecond
}

/**
 * Memory of the trees below `roots` without those below `apart`: resident set size in MB (2^20). Not the proportional
 * size: that would be smaller beside the bench's own Node processes than on a machine of its own.
 */
export function memoryMb(roots: readonly number[], apart: readonly number[]): number {
  const without = new Set(treeOf(apart).map(({ pid }) => pid))
  const counted = treeOf(roots).filter(({ pid }) => !without.has(pid))
  return counted.reduce((sum, { pid }) => sum + residentKib(pid), 0) / 1024
}

function treeOf(roots: readonly number[]): Stat[] {
  const stats = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => readStat(Number(name)))
  const found = new Map<number, Stat>()
  let wanted = stats.filter(({ pid }) => roots.includes(pid))
  while (wanted.length > 0) {
    for (const stat of wanted) found.set(stat.pid, stat)
    const parents = new Set(wanted.map(({ pid }) => pid))
    wanted = stats.filter(({ pid, parent }) => parents.has(parent) && !found.has(pid))
  }
  return [...found.values()]
}

/** proc_pid_stat(5): fields 4 ppid, 14 utime, 15 stime, 16 cutime, 17 cstime; the name before them may hold spaces. */
function readStat(pid: number): Stat[] {
  const text = readProc(`/proc/${pid}/stat`)
  if (text === undefined) return []
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const [utime = 0, stime = 0, cutime = 0, cstime = 0] = fields.slice(11, 15)
  return [{ pid, parent: fields[1] ?? 0, ticks: utime + stime + cutime + cstime }]
}

function residentKib(pid: number): number {
  const text = readProc(`/proc/${pid}/status`)
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(text ?? '')?.[1] ?? 0)
}

/** Processes end at any moment; what is gone is not counted. */
function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
