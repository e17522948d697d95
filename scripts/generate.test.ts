/** Generated files are written, found unchanged, and a difference is named. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Generator, generate } from './generate.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'generate-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const list: Generator[] = [
  { file: 'docs/a.md', render: () => Promise.resolve('alpha\n') },
  { file: 'b.txt', render: () => Promise.resolve('beta\n') },
]

test('writes every file, folders included, and then finds them up to date', async () => {
  expect(await generate(list, folder, false)).toEqual([])
  expect(readFileSync(join(folder, 'docs/a.md'), 'utf8')).toBe('alpha\n')
  expect(await generate(list, folder, true)).toEqual([])
})

test('--check names the file that differs or is missing, and writes nothing', async () => {
  await generate(list, folder, false)
  writeFileSync(join(folder, 'b.txt'), 'edited by hand\n')
  rmSync(join(folder, 'docs/a.md'))
  const problems = await generate(list, folder, true)
  expect(problems).toHaveLength(2)
  expect(problems[0]).toMatch(/^docs\/a\.md is not what its sources say/)
  expect(problems[1]).toMatch(/^b\.txt is not what its sources say/)
  expect(readFileSync(join(folder, 'b.txt'), 'utf8')).toBe('edited by hand\n')
})

test('a generator that fails is named and the others still run', async () => {
  const broken: Generator = { file: 'c.md', render: () => Promise.reject(new Error('no source')) }
  expect(await generate([broken, ...list], folder, false)).toEqual(['c.md could not be generated: no source'])
  expect(readFileSync(join(folder, 'b.txt'), 'utf8')).toBe('beta\n')
})
