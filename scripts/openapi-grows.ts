/**
 * Owns the check that the API only grows within v1: the OpenAPI document of this tree against that of the last tag. Without a tag
 * there is nothing to compare with, which it says. What is a loss is openapi-compare.ts's affair.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Document, lossesOf } from './openapi-compare.ts'
import { root } from './steps.ts'

const file = 'docs/openapi.json'

/** What git says; undefined when it says nothing, or is not there. */
const git = (folder: string, ...args: string[]): string | undefined => {
  const { status, stdout } = spawnSync('git', args, { cwd: folder, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  return status === 0 ? stdout : undefined
}

/** One line for people, and whether the API has lost something. */
export const compareWithTag = (folder: string): { lines: string[]; passed: boolean } => {
  const tag = git(folder, 'describe', '--tags', '--abbrev=0')?.trim()
  if (tag === undefined) return { lines: ['No tag yet: there is no promise to hold the API to.'], passed: true }
  const before = git(folder, 'show', `${tag}:${file}`)
  if (before === undefined) return { lines: [`${tag} has no ${file}: nothing was promised there.`], passed: true }
  const losses = lossesOf(
    JSON.parse(before) as Document,
    JSON.parse(readFileSync(join(folder, file), 'utf8')) as Document,
  )
  return losses.length === 0
    ? { lines: [`The API has everything that ${tag} has.`], passed: true }
    : { lines: [`The API lost something since ${tag}; within v1 it may only grow:`, ...losses], passed: false }
}

if (import.meta.main) {
  const { lines, passed } = compareWithTag(root)
  for (const line of lines) console.log(line)
  process.exitCode = passed ? 0 : 1
}
