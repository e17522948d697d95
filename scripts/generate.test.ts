/** Generated files are written, found unchanged, and a difference is named. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type GeneratedFile, type Generator, generate } from './generate.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'generate-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const list: GeneratedFile[] = [
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
  const broken: GeneratedFile = { file: 'c.md', render: async () => await Promise.reject(new Error('no source')) }
  expect(await generate([broken, ...list], folder, false)).toEqual(['c.md could not be generated: no source'])
  expect(readFileSync(join(folder, 'b.txt'), 'utf8')).toBe('beta\n')
})

test('a folder has the files of its generator, and no others', async () => {
  const many = (names: string[]): Generator => ({
    folder: 'docs/many',
    render: () => Promise.resolve(Object.fromEntries(names.map((name) => [name, `${name}\n`]))),
  })
  expect(await generate([many(['a.txt', 'in/b.txt'])], folder, false)).toEqual([])
  expect(readFileSync(join(folder, 'docs/many/in/b.txt'), 'utf8')).toBe('in/b.txt\n')
  expect(await generate([many(['a.txt'])], folder, true)).toEqual([
    'docs/many/in/b.txt is not generated any more: run "npm run generate" and commit it.',
  ])
  await generate([many(['a.txt'])], folder, false)
  expect(existsSync(join(folder, 'docs/many/in/b.txt'))).toBe(false)
  expect(await generate([many(['a.txt'])], folder, true)).toEqual([])
})
