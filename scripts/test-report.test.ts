/** What did not pass is a failure, whatever vitest calls it; coverage below the mark is seen. */
import { expect, test } from 'vitest'
import { countTests, coverageTable } from './test-report.ts'

const file = (name: string, ...statuses: string[]) => ({
  name,
  status: statuses.includes('failed') ? 'failed' : 'passed',
  message: 'SyntaxError: broken\n  at line 1',
  assertionResults: statuses.map((status, index) => ({ status, fullName: `${name} ${index}` })),
})
const report = (...testResults: ReturnType<typeof file>[]) => ({ testResults })

test('passed tests are counted', () => {
  const counted = countTests(report(file('a', 'passed', 'passed'), file('b', 'passed')), ['a', 'b'], true)
  expect(counted).toEqual({ passed: 3, failed: 0, problems: [] })
})

test.each(['failed', 'skipped', 'pending', 'todo', 'disabled'])('a %s test is a failure', (status) => {
  const counted = countTests(report(file('a', 'passed', status)), ['a'], true)
  expect(counted).toMatchObject({ passed: 1, failed: 1 })
  expect(counted.problems[0]).toMatch(/a 1$/)
})

test('a file that does not load, and a file that nobody ran, are failures', () => {
  const counted = countTests(report(file('a')), ['a', 'b'], false)
  expect(counted.problems).toEqual(['no test ran in a: SyntaxError: broken', 'did not run: b'])
  expect(counted.failed).toBe(2)
})

test('a file whose hooks failed after all its tests had passed is a failure', () => {
  const counted = countTests(report({ ...file('a', 'passed'), status: 'failed' }), ['a'], false)
  expect(counted).toEqual({ passed: 1, failed: 1, problems: ['failed outside its tests: a'] })
})

test('an unhappy exit that no test explains is one failure, a missing report too', () => {
  expect(countTests(report(file('a', 'passed')), ['a'], false)).toMatchObject({ passed: 1, failed: 1 })
  expect(countTests(undefined, [], true)).toMatchObject({ passed: 0, failed: 1 })
  expect(countTests(report(file('a', 'failed')), ['a'], false)).toMatchObject({ failed: 1 })
})

const lines = (total: number, covered: number) => ({ lines: { total, covered, pct: 0 } })

test('coverage is summed by area, weak files are named, files elsewhere do not count', () => {
  const summary = {
    total: lines(1, 1),
    '/r/src/token/a.ts': lines(100, 95),
    '/r/src/token/b.ts': lines(10, 1),
    '/r/src/db/c.ts': lines(90, 90),
    '/r/scripts/d.ts': lines(1000, 0),
  }
  const table = coverageTable(summary, '/r/src', 90)
  expect(table.enough).toBe(true)
  expect(table.lines.join('\n')).toMatch(
    /^db +100\.0 %.*\ntoken +87\.3 %  14 lines missing\n.*\n +token\/b\.ts +10\.0 %/,
  )
  expect(table.lines.at(-1)).toBe('Lines covered: 93.00 % (at least 90 % wanted)')
  expect(coverageTable(summary, '/r/src', 94).enough).toBe(false)
})

test('no coverage data is not enough', () => {
  expect(coverageTable(undefined, '/r/src', 90).enough).toBe(false)
  expect(coverageTable({ total: lines(1, 1) }, '/r/src', 90).enough).toBe(false)
})
