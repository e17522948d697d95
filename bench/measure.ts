/**
 * Owns one row's measurement: windows of the servers in turn, CPU seconds around each, the median of the rounds.
 * Start reading at `measureRow`.
 */
import type { Generator } from './generator.ts'
import type { Job } from './job.ts'
import { checkRevoked, jobs } from './prepare.ts'
import { cpuSeconds, memoryMb } from './processes.ts'
import type { LoadRowId } from './row-ids.ts'
import { measureSigning, type SigningLimit } from './signing.ts'
import type { Subject, SubjectName } from './subject.ts'

/** A row of one server: medians over the windows, `windows` holds the requests per CPU second of each. */
export type Measured = {
  perCore: number
  /** Part of the CPU time that the database used, 0 to 1. */
  database: number
  perSecond: number
  p50Ms: number
  p99Ms: number
  windows: number[]
  errors: number
  firstError: string
}

/** What came of a row: a result for each server, and the signing limits measured between its windows. */
export type RowResult = { measured: Map<SubjectName, Measured>; signing: SigningLimit[] }

export type RowRun = {
  row: LoadRowId
  subjects: Subject[]
  generator: Generator
  seconds: number
  rounds: number
  connections: number
  /** Told after each window how much memory the server has. */
  onMemory: (name: SubjectName, mb: number) => void
}

type WindowResult = {
  perCore: number
  database: number
  perSecond: number
  p50Ms: number
  p99Ms: number
  errors: number
  firstError: string
}

/**
 * Measures one row: a warm-up each, then `rounds` times every server in turn (A B A B). A preparation that fails ends
 * the row of that server and is an error of it. The signing limit is measured before each round of a row that signs,
 * because the machine may be slower a minute later.
 */
export async function measureRow(run: RowRun): Promise<RowResult> {
  const results = new Map<SubjectName, WindowResult[]>(run.subjects.map(({ name }) => [name, []]))
  const rates = new Map<SubjectName, number>()
  for (const subject of run.subjects) {
    const warm = await oneWindow(run, {
      subject,
      seconds: warmUpSeconds,
      rate: firstGuess[run.row] ?? 0,
    })
    rates.set(subject.name, warm.perSecond)
    if (warm.errors > 0) results.get(subject.name)?.push(warm)
  }
  const signing: SigningLimit[] = []
  for (let round = 0; round < run.rounds; round += 1) {
    if (/rs256|es256/.test(run.row)) signing.push(measureSigning(0.25))
    for (const subject of run.subjects) {
      const done = results.get(subject.name) ?? []
      if (done.some(({ errors }) => errors > 0)) continue
      done.push(await oneWindow(run, { subject, seconds: run.seconds, rate: rates.get(subject.name) ?? 0 }))
      run.onMemory(subject.name, memoryMb(subject.processes, subject.databaseProcesses))
    }
  }
  return { measured: new Map([...results].map(([name, windows]) => [name, summarize(windows)])), signing }
}

/** Requests per second to prepare for the warm-up, where each request needs something that is used up. */
const firstGuess: Partial<Record<LoadRowId, number>> = {
  'exchange-rs256': 1000,
  'exchange-es256': 2000,
  revocation: 2000,
  login: 60,
  'login-new': 60,
}

/** Less, and the compiler of a server in JavaScript is still at work in the first window. */
const warmUpSeconds = 1

type Span = { subject: Subject; seconds: number; rate: number }

async function oneWindow(run: RowRun, { subject, seconds, rate }: Span): Promise<WindowResult> {
  const count = Math.ceil(rate * seconds * 1.2) + run.connections
  const window = { subject, generator: run.generator, seconds, connections: run.connections, count }
  try {
    const job = await jobs[run.row](window)
    const result = await timed(run.generator, subject, job)
    if (run.row === 'revocation' && result.errors === 0) await checkRevoked(window, job)
    return result
  } catch (error) {
    const firstError = error instanceof Error ? error.message : String(error)
    return { perCore: 0, database: 0, perSecond: 0, p50Ms: 0, p99Ms: 0, errors: 1, firstError }
  }
}

async function timed(generator: Generator, subject: Subject, job: Job): Promise<WindowResult> {
  const before = cpuSeconds(subject.processes)
  const databaseBefore = cpuSeconds(subject.databaseProcesses)
  const outcome = await generator.run(job)
  // What the server still does after its last answer belongs to the window too.
  await new Promise((resolve) => setTimeout(resolve, 100))
  const used = cpuSeconds(subject.processes) - before
  const database = used === 0 ? 0 : (cpuSeconds(subject.databaseProcesses) - databaseBefore) / used
  const { count, seconds, p50Ms, p99Ms, errors, firstError } = outcome
  return {
    perCore: used === 0 ? 0 : count / used,
    database,
    perSecond: count / seconds,
    p50Ms,
    p99Ms,
    errors,
    firstError,
  }
}

function summarize(windows: WindowResult[]): Measured {
  const of = (member: 'perCore' | 'database' | 'perSecond' | 'p50Ms' | 'p99Ms'): number =>
    median(windows.map((window) => window[member]))
  return {
    perCore: of('perCore'),
    database: of('database'),
    perSecond: of('perSecond'),
    p50Ms: of('p50Ms'),
    p99Ms: of('p99Ms'),
    windows: windows.map(({ perCore }) => perCore),
    errors: windows.reduce((sum, { errors }) => sum + errors, 0),
    firstError: windows.find(({ firstError }) => firstError !== '')?.firstError ?? '',
  }
}

/** The middle value, the mean of the two middle ones, 0 of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? 0
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? 0
  return (upper + lower) / 2
}
