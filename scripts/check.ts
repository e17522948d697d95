/**
 * Owns `npm run check`: all checks that need no test run, every result shown, exit code 1 when one failed.
 */
import { checks } from './checks.ts'
import { runStep } from './steps.ts'

const failed: string[] = []
for (const step of checks) {
  const outcome = await runStep(step)
  if (!outcome.passed) failed.push(outcome.name)
}
console.log(
  `\n${checks.length - failed.length} passed, ${failed.length} failed${failed.map((name) => `\n  ${name}`).join('')}`,
)
process.exitCode = failed.length === 0 ? 0 : 1
