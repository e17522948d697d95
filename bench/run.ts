/**
 * Owns `npm run bench`: starts the servers, measures row after row, prints the table, leaves nothing behind. Exit code
 * 0 when every answer was right, 1 when one was not or a server did not start, 2 for wrong usage; a missed bar is
 * printed and fails nothing. Start reading at `main`.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LineId } from './bars.ts'
import { signEverybodyIn } from './browser.ts'
import { closeDatabases } from './database.ts'
import { type Generator, startGenerator } from './generator.ts'
import { startKeywright } from './keywright.ts'
import { measureRow, median, type RowResult } from './measure.ts'
import { asksForHelp, type Options, readOptions, usage } from './options.ts'
import { startPeer } from './peer.ts'
import { memoryMb } from './processes.ts'
import { printReport } from './report.ts'
import { type Figure, type Line, readResults, type Results, writeResults } from './results.ts'
import { isLoadRow, type LoadRowId } from './row-ids.ts'
import { endServers } from './server-process.ts'
import { measureSigning, type SigningLimit } from './signing.ts'
import type { Subject, SubjectName } from './subject.ts'

type Memory = Map<SubjectName, { idle: number; loaded: number }>
type Bench = {
  options: Options
  folder: string
  generator: Generator
  subjects: Subject[]
  memory: Memory
  signing: SigningLimit[]
}

const main = async (): Promise<number> => {
  const args = process.argv.slice(2)
  if (asksForHelp(args)) {
    process.stdout.write(`${usage}\n`)
    return 0
  }
  const options = readOptions(args)
  if (typeof options === 'string') {
    process.stderr.write(`${options}\n${usage}\n`)
    return 2
  }
  if (process.platform !== 'linux') throw new Error('The bench counts CPU time in /proc and runs on Linux only.')
  const earlier = options.compare === undefined ? undefined : readResults(options.compare)
  const bench = open(options)
  try {
    const results = await Promise.race([measure(bench), interruption(options)])
    printReport(results, earlier)
    if (options.json !== undefined) writeResults(options.json, results)
    return results.failures.length > 0 ? 1 : 0
  } finally {
    await close(bench)
  }
}

function open(options: Options): Bench {
  const folder = mkdtempSync(join(tmpdir(), 'keywright-bench-'))
  // PostgreSQL does not run as root: its own user must be able to pass through.
  chmodSync(folder, 0o711)
  return { options, folder, generator: startGenerator(), subjects: [], memory: new Map(), signing: [] }
}

async function close(bench: Bench): Promise<void> {
  bench.generator.stop()
  await endServers()
  await closeDatabases()
  rmSync(bench.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
}

/** Never resolves; rejects when somebody ends the bench, or when it takes far longer than its windows. */
function interruption({ ours, peer, rows, rounds, seconds }: Options): Promise<never> {
  const servers = (ours ? 1 : 0) + (peer ? 1 : 0)
  const patienceSeconds = 240 + servers * rows.length * (rounds + 1) * (seconds + 15)
  return new Promise((_, reject) => {
    const end = (reason: string): void => reject(new Error(reason))
    setTimeout(() => end(`The bench did not end within ${patienceSeconds} s.`), patienceSeconds * 1000).unref()
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.once(signal, () => end(`Ended by ${signal}.`))
  })
}

async function measure(bench: Bench): Promise<Results> {
  const { options, folder, subjects } = bench
  const again = options.quick ? 1 : 3
  if (options.ours) subjects.push(await startKeywright({ folder, limits: options.limits, again }))
  if (options.peer) subjects.push(await startPeer({ folder, again }))
  await pause(2000)
  for (const { name, processes, databaseProcesses } of subjects) {
    bench.memory.set(name, { idle: memoryMb(processes, databaseProcesses), loaded: 0 })
  }
  bench.signing.push(measureSigning(0.4))
  for (const subject of subjects) subject.sessions = await signEverybodyIn(subject)
  const results = emptyResults(bench)
  for (const row of options.rows.filter(isLoadRow)) await addRow(bench, results, row)
  if (options.rows.includes('memory')) results.lines.push(...memoryLines(bench))
  if (options.rows.includes('start')) results.lines.push(...startLines(bench))
  const middle = (alg: keyof SigningLimit): number => median(bench.signing.map((limit) => limit[alg]))
  return { ...results, signing: { RS256: middle('RS256'), ES256: middle('ES256') } }
}

async function addRow(bench: Bench, results: Results, row: LoadRowId): Promise<void> {
  const { options, subjects, generator, memory, signing } = bench
  process.stderr.write(`${row} …\n`)
  const onMemory = (name: SubjectName, mb: number): void => {
    const known = memory.get(name)
    if (known !== undefined) known.loaded = Math.max(known.loaded, mb)
  }
  const { seconds, rounds, connections } = options
  const result = await measureRow({ row, subjects, generator, seconds, rounds, connections, onMemory })
  signing.push(...result.signing)
  results.lines.push(lineOf(row, result, signing))
  for (const [subject, { errors, firstError }] of result.measured) {
    if (errors > 0) results.failures.push({ row, subject, errors, first: firstError })
  }
}

/** A row that failed for a server has no figure for it: a number next to errors would be believed. */
function lineOf(row: LoadRowId, { measured, signing }: RowResult, all: SigningLimit[]): Line {
  const figures: Line['figures'] = {}
  for (const [name, { perCore, database, p50Ms, p99Ms, perSecond, windows, errors }] of measured) {
    if (errors === 0) figures[name] = { value: perCore, database, p50Ms, p99Ms, perSecond, windows }
  }
  const beside = signing.length > 0 ? signing : all
  return { id: row, signing: median(beside.map(({ RS256 }) => RS256)), figures }
}

function memoryLines({ memory, options }: Bench): Line[] {
  const idle = [...memory].map(([name, { idle: value }]) => [name, { value }] as const)
  const loaded = [...memory].map(([name, { loaded: value }]) => [name, { value }] as const)
  const lines = [lineFrom('memory-idle', idle)]
  // Without load there is no loaded memory to speak of.
  return options.rows.some(isLoadRow) ? [...lines, lineFrom('memory-loaded', loaded)] : lines
}

function startLines({ subjects }: Bench): Line[] {
  const first = subjects.map(({ name, startSeconds }) => [name, { value: startSeconds.first }] as const)
  const again = subjects.map(
    ({ name, startSeconds }) => [name, { value: median(startSeconds.again), windows: startSeconds.again }] as const,
  )
  return [lineFrom('start-first', first), lineFrom('start-again', again)]
}

const lineFrom = (id: LineId, figures: (readonly [SubjectName, Figure])[]): Line => ({
  id,
  signing: 0,
  figures: Object.fromEntries(figures),
})

function emptyResults({ options, subjects }: Bench): Results {
  const processors = cpus()
  const { seconds, rounds, connections } = options
  return {
    format: 1,
    at: new Date().toISOString(),
    machine: `${processors[0]?.model.trim() ?? 'unknown processor'}, ${processors.length} cores · Node ${process.version}`,
    run: `${connections} connections, keep-alive, no pipelining · ${rounds} × ${seconds} s for each row and server${subjects.length > 1 ? ', in turn' : ''} · loopback`,
    settings: Object.fromEntries(subjects.map(({ name, settings }) => [name, settings])),
    signing: { RS256: 0, ES256: 0 },
    lines: [],
    failures: [],
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

// A measurement that was interrupted is still waiting for something: the process does not end by itself then.
process.exit(
  await main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    return 1
  }),
)
