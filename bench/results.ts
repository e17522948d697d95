/**
 * Owns the results of one run: their shape, their file, and the comparison with an earlier file. Start reading at
 * `Results`.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { type LineId, lineSpecs } from './bars.ts'
import type { SigningLimit } from './signing.ts'
import type { SubjectName } from './subject.ts'

/** One value of one server; latencies and windows only where there was load. `database` is its part of the CPU time, 0 to 1. `windows` are the rounds' values. */
export type Figure = {
  value: number
  database?: number
  p50Ms?: number
  p99Ms?: number
  perSecond?: number
  windows?: number[]
}

/** `signing` is the RS256 limit measured beside this line. */
export type Line = { id: LineId; signing: number; figures: Partial<Record<SubjectName, Figure>> }

export type Failure = { row: string; subject: SubjectName; errors: number; first: string }

/** Everything one run found out; what --json writes. */
export type Results = {
  format: 1
  at: string
  machine: string
  run: string
  settings: Partial<Record<SubjectName, string[]>>
  signing: SigningLimit
  lines: Line[]
  failures: Failure[]
}

/** Writes the results as JSON. */
export function writeResults(file: string, results: Results): void {
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`)
}

/** Reads what --json wrote. Throws one sentence when the file is something else. */
export function readResults(file: string): Results {
  const read: unknown = JSON.parse(readFileSync(file, 'utf8'))
  if (!isResults(read)) throw new Error(`${file} was not written by npm run bench -- --json.`)
  return read
}

function isResults(read: unknown): read is Results {
  if (typeof read !== 'object' || read === null || !('format' in read) || read.format !== 1) return false
  return 'lines' in read && Array.isArray(read.lines) && read.lines.every((line: Line) => line.id in lineSpecs)
}
