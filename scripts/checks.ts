/**
 * Owns the list of checks that read the sources without running them. `npm run check` and `npm test` share it.
 * Never runs a test. Start reading at `checks`.
 */
import { runProgram, type Step } from './steps.ts'

/** Every check, cheap ones not first but in the order in which their answers are useful. */
export const checks: Step[] = [
  check('Types', ['tsc', '--noEmit']),
  check('Lint', ['oxlint']),
  check('Format', ['biome', 'format', '.']),
  check('Import rules', ['node', 'scripts/import-rules.ts']),
  check('Generated files', ['node', 'scripts/generate.ts', '--check']),
  check('The API only grows', ['node', 'scripts/openapi-grows.ts']),
]

function check(name: string, command: [string, ...string[]]): Step {
  return { name, run: () => runProgram(command) }
}
