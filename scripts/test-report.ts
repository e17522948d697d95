/**
 * Owns the arithmetic of a test run: what vitest's report and the coverage summary amount to, in numbers and sentences.
 * Pure: files are read by test.ts. Start reading at `countTests`.
 */

/** A test that neither passed nor failed, a file that never ran: each is one failure, with its sentence. */
export type Count = { passed: number; failed: number; problems: string[] }

type File = { name: string; status: string; message: string; assertionResults: Assertion[] }
type Report = { testResults: File[] }
type Assertion = { status: string; fullName: string }

/**
 * Counts the tests of vitest's JSON report. Skipped and todo tests, files without a test, files that should have run
 * and did not, and an unhappy exit that nothing explains count as failures.
 * @param report the parsed report, or undefined when vitest left none
 * @param expected the test files that must be in it, as absolute paths
 * @param exitedWell whether vitest ended with 0
 */
export function countTests(report: unknown, expected: string[], exitedWell: boolean): Count {
  if (!isReport(report))
    return { passed: 0, failed: 1, problems: ['vitest left no report: it did not run to its end.'] }
  const tests = report.testResults.flatMap((file) => file.assertionResults)
  const passed = tests.filter((test) => test.status === 'passed').length
  const failed = tests.filter((test) => test.status === 'failed').map((test) => `failed: ${test.fullName}`)
  const others = tests
    .filter((test) => test.status !== 'passed' && test.status !== 'failed')
    .map((test) => `did not run (${test.status}): ${test.fullName}`)
  const empty = report.testResults
    .filter((file) => file.assertionResults.length === 0)
    .map((file) => `no test ran in ${file.name}: ${file.message.split('\n')[0]}`)
  // A hook after the last test, for example: servers that did not stop.
  const outside = report.testResults
    .filter((file) => file.status === 'failed' && file.assertionResults.length > 0)
    .filter((file) => file.assertionResults.every((test) => test.status === 'passed'))
    .map((file) => `failed outside its tests: ${file.name}`)
  const ran = new Set(report.testResults.map((file) => file.name))
  const absent = expected.filter((file) => !ran.has(file)).map((file) => `did not run: ${file}`)
  const problems = [...failed, ...others, ...empty, ...outside, ...absent]
  if (!exitedWell && problems.length === 0) problems.push('vitest ended unhappily outside any test: see its output.')
  return { passed, failed: problems.length, problems }
}

function isReport(report: unknown): report is Report {
  return typeof report === 'object' && report !== null && 'testResults' in report && Array.isArray(report.testResults)
}

/** Covered and all lines of one file, by its path. */
type Lines = { file: string; covered: number; total: number }

/**
 * A short table of the line coverage by folder, and the verdict.
 * @param summary istanbul's json-summary, parsed
 * @param root the folder whose children are the rows
 * @param atLeast the percentage of lines that must be covered
 */
export function coverageTable(summary: unknown, root: string, atLeast: number): { enough: boolean; lines: string[] } {
  const files = linesOfFiles(summary).filter(({ file }) => file.startsWith(root))
  const byArea = Map.groupBy(files, ({ file }) => file.slice(root.length + 1).split(/[/\\]/)[0] ?? '')
  const rows = [...byArea].map(([area, inside]) => row(area, inside)).toSorted()
  const total = percent(files)
  const weak = files
    .filter((file) => percent([file]) < atLeast)
    .toSorted((a, b) => b.total - b.covered - (a.total - a.covered))
    .slice(0, 10)
    .map((file) => row(`  ${file.file.slice(root.length + 1)}`, [file]))
  const below = weak.length === 0 ? [] : [`Files below ${atLeast} %, most missing lines first:`, ...weak]
  const lines = [...rows, ...below, `Lines covered: ${total.toFixed(2)} % (at least ${atLeast} % wanted)`]
  return { enough: files.length > 0 && total >= atLeast, lines }
}

function linesOfFiles(summary: unknown): Lines[] {
  if (typeof summary !== 'object' || summary === null) return []
  return Object.entries(summary).flatMap(([file, entry]: [string, { lines?: { covered: number; total: number } }]) => {
    if (file === 'total' || entry.lines === undefined) return []
    return [{ file, covered: entry.lines.covered, total: entry.lines.total }]
  })
}

function row(name: string, files: Lines[]): string {
  const missing = files.reduce((sum, file) => sum + file.total - file.covered, 0)
  return `${name.padEnd(40)} ${percent(files).toFixed(1).padStart(5)} %  ${missing} lines missing`
}

function percent(files: Lines[]): number {
  const total = files.reduce((sum, file) => sum + file.total, 0)
  return total === 0 ? 100 : (100 * files.reduce((sum, file) => sum + file.covered, 0)) / total
}
