import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { describe, expect, test } from 'vitest'
import { renderConfigurationDocs, renderEnvExample } from './docs.ts'
import { readSettings } from './load.ts'
import { oldNames } from './old-names.ts'
import { leavesOf } from './schema.ts'

const atRoot = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')

describe('docs/configuration.md', () => {
  test('names every setting with its meaning and every old name', () => {
    const text = renderConfigurationDocs()
    for (const { leaf } of leavesOf()) expect(text).toContain(`| \`${leaf.env}\` |`)
    for (const { leaf } of leavesOf()) expect(text).toContain(leaf.description)
    for (const name of oldNames.flatMap(({ names }) => names)) expect(text).toContain(`\`${name}\``)
  })
  test('has four cells in every row of settings and three in every row of old names', () => {
    const rows = renderConfigurationDocs()
      .split('\n')
      .filter((line) => line.startsWith('| '))
    const cells = new Set(rows.map((line) => line.split(/(?<!\\)\|/).length - 2))
    expect(rows.length).toBeGreaterThan(leavesOf().length + oldNames.length)
    expect(cells).toEqual(new Set([3, 4]))
  })
  test('is the page in the repository', () => {
    expect(atRoot('docs/configuration.md')).toBe(renderConfigurationDocs())
  })
})

describe('.env.example', () => {
  test('sets nothing as it is', () => {
    expect(parseEnv(renderEnvExample())).toEqual({})
  })
  test('with the marks taken away it is every default', () => {
    const values = parseEnv(renderEnvExample().replaceAll(/^#(?=[A-Z_]+=)/gm, ''))
    expect(new Set(Object.keys(values))).toEqual(new Set(leavesOf().map(({ leaf }) => leaf.env)))
    const set = Object.entries(values).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '',
    )
    expect(readSettings(new Map(set), { cwd: '/srv' })).toEqual(readSettings(new Map(), { cwd: '/srv' }))
  })
  test('is the file in the repository', () => {
    expect(atRoot('.env.example')).toBe(renderEnvExample())
  })
})
