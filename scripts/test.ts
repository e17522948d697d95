/**
 * Owns `npm test`: installs what the tests need, runs every check and every test, and says what ran and what did not.
 * What did not run fails the run; there is no way to skip. `npm test -- path` runs only the test files that match.
 * Start reading at `main`.
 */
import { globSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { checks } from './checks.ts'
import { ensureTools } from './ensure-tools.ts'
import { interruptProgram, type Outcome, root, runProgram, runStep, type Step } from './steps.ts'
import { type Count, countTests, coverageTable } from './test-report.ts'

const reportFile = join(root, 'test-results', 'vitest.json')
const coverageFile = join(root, 'coverage', 'coverage-summary.json')
const wantedCoverage = 90
const started = performance.now()
const outcomes: Outcome[] = []
let interrupted: NodeJS.Signals | undefined
let tests: Count = { passed: 0, failed: 0, problems: [] }

const prepare: Step = { name: 'Tools', run: () => Promise.resolve(toolsArePresent()) }
const coverage: Step = { name: 'Coverage of server/src', run: () => Promise.resolve(coverageIsEnough()) }

const usage = `npm test -- [word …]
  without a word  every check, every test, and the coverage of server/src
  word            only the test files whose path holds it; no checks, no coverage
  -h, --help      print this`

const args = process.argv.slice(2)
if (args.includes('--help') || args.includes('-h')) console.log(usage)
else await main(args)

async function main(filters: string[]): Promise<void> {
  const partial = filters.length > 0
  const testStep: Step = { name: 'Tests', run: () => runTests(filters) }
  const steps = partial ? [prepare, testStep] : [prepare, ...checks, testStep, coverage]
  console.log(`Will run: ${steps.map((step) => step.name).join(', ')}.`)
  if (partial) console.log(`PARTIAL RUN: only test files that match ${filters.join(' or ')}; no checks, no coverage.`)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, interrupt)
  for (const step of steps) {
    outcomes.push(await runStep(step))
    if (interrupted !== undefined) break
    // Without the tools the browser tests would only add noise to the one sentence that matters.
    if (step === prepare && outcomes.some((outcome) => !outcome.passed)) break
  }
  summarise(steps, partial)
}

function toolsArePresent(): boolean {
  const problem = ensureTools()
  if (problem !== undefined) console.error(problem)
  return problem === undefined
}

async function runTests(filters: string[]): Promise<boolean> {
  for (const file of [reportFile, coverageFile]) rmSync(file, { force: true })
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`]
  const mode = filters.length > 0 ? filters : ['--coverage']
  const exitedWell = await runProgram(['vitest', 'run', ...reporters, ...mode])
  const expected = filters.length > 0 ? [] : testFiles()
  tests = countTests(readJson(reportFile), expected, exitedWell)
  for (const problem of tests.problems) console.log(problem)
  return tests.failed === 0
}

/** Every test file of the repository, whether vitest's own patterns would find it or not. */
function testFiles(): string[] {
  const exclude = ['**/node_modules/**', 'data/**']
  return globSync('**/*.test.ts', { cwd: root, exclude }).map((file) => join(root, file))
}

function coverageIsEnough(): boolean {
  const { enough, lines } = coverageTable(readJson(coverageFile), join(root, 'server', 'src'), wantedCoverage)
  for (const line of lines) console.log(line)
  return enough
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch {
    return undefined
  }
}

/** What ran, what did not, and the closing line: alone and last, so that a script can read it. */
function summarise(steps: Step[], partial: boolean): void {
  console.log('\n== Summary')
  for (const { name, passed, seconds } of outcomes) {
    console.log(`${passed ? 'passed ' : 'FAILED '} ${name} (${seconds.toFixed(1)} s)`)
  }
  const notRun = steps.filter((step) => !outcomes.some((outcome) => outcome.name === step.name))
  for (const step of notRun) console.log(`NOT RUN ${step.name}`)
  // The tests are counted one by one; every other step counts as one.
  const others = outcomes.filter((outcome) => outcome.name !== 'Tests')
  const passed = tests.passed + others.filter((outcome) => outcome.passed).length
  const failed =
    tests.failed +
    others.filter((outcome) => !outcome.passed).length +
    notRun.length +
    (interrupted === undefined ? 0 : 1)
  if (interrupted !== undefined) console.log(`INTERRUPTED by ${interrupted}: what is above is not a whole run.`)
  console.log(`${tests.passed + tests.failed} tests, ${((performance.now() - started) / 1000).toFixed(0)} s in all`)
  console.log(`${partial ? 'Partial run: ' : ''}${passed} passed, ${failed} failed`)
  process.exitCode = failed === 0 ? 0 : 1
}

/** The current step ends in order, so that no server and no folder stays; a second signal ends this process at once. */
function interrupt(signal: NodeJS.Signals): void {
  console.log(`\nInterrupted by ${signal}: waiting for the current step to end.`)
  interrupted = signal
  // Ctrl-C has reached the program already: the terminal sends it to the whole group.
  if (signal !== 'SIGINT' || !process.stdin.isTTY) interruptProgram()
}
