/** The linter of this repository really says no: each line below breaks one rule that must never be lost. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { root } from './steps.ts'

const bad: Record<string, string> = {
  'no-explicit-any': 'export const a = (value: any): unknown => value',
  'no-non-null-assertion': 'export const a = (value?: string): string => value!',
  'no-floating-promises': 'export const a = (): void => { Promise.resolve(1) }',
  'no-misused-promises': 'export const a = (list: number[]) => list.filter(async () => true)',
  'only-throw-error': `export const a = (): void => { throw 'text' }`,
  'no-unsafe-member-access': `export const a: unknown = JSON.parse('{}').b`,
  'ban-ts-comment': '// @ts-ignore\nexport const a = 1',
  'max-lines-per-function': `export const a = (): void => {\n${'  console.log(1)\n'.repeat(40)}}`,
  'max-params': 'export const a = (b: number, c: number, d: number, e: number, f: number) => b + c + d + e + f',
  'no-disabled-tests': `import { expect, test } from 'vitest'\ntest.skip('x', () => expect(1).toBe(1))`,
  'no-focused-tests': `import { expect, test } from 'vitest'\ntest.only('x', () => expect(1).toBe(1))`,
  'expect-expect': `import { test } from 'vitest'\ntest('x', () => { 'nothing'.trim() })`,
}
const isAboutTests = (rule: string): boolean => /tests|expect/.test(rule)

const folder = mkdtempSync(join(tmpdir(), 'lint-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Lints files of the given content and returns the exit code and one line for each finding. */
function lint(files: Record<string, string>): { status: number | null; findings: string[] } {
  for (const [name, code] of Object.entries(files)) writeFileSync(join(folder, name), `${code}\n`)
  const oxlint = join(root, 'node_modules', 'oxlint', 'bin', 'oxlint')
  const paths = Object.keys(files).map((name) => join(folder, name))
  const args = [oxlint, '-c', join(root, '.oxlintrc.json'), '-f', 'unix', ...paths]
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8', cwd: root })
  return { status, findings: stdout.split('\n') }
}

test('each rule finds what was written against it', () => {
  const fileOf = (rule: string): string => (isAboutTests(rule) ? `${rule}.test.ts` : `${rule}.ts`)
  const { status, findings } = lint(Object.fromEntries(Object.entries(bad).map(([rule, code]) => [fileOf(rule), code])))
  const unnoticed = Object.keys(bad).filter(
    (rule) => !findings.some((line) => line.includes(`/${fileOf(rule)}:`) && line.includes(`(${rule})`)),
  )
  expect(unnoticed).toEqual([])
  expect(status).not.toBe(0)
})

test('good code passes', () => {
  expect(lint({ 'good.ts': 'export const a = (value: string): string => value' }).status).toBe(0)
})
