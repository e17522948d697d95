/** Owns a checkout of its own for tests of what a person types in one: the sources copied, the packages linked. */
import { cpSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { type Child, childEnv, repository, startChild } from './child.ts'

/** Makes a folder look as after `npm ci`. The packages are hard links where the file system has them: nothing writes to them. */
export const makeCheckout = (folder: string): void => {
  for (const file of ['package.json', 'package-lock.json', 'server/package.json', 'server/bin', 'server/src'])
    cpSync(join(repository, file), join(folder, file), { recursive: true })
  const packages = join(repository, 'node_modules')
  const links = spawnSync('cp', ['-al', `${packages}/.`, join(folder, 'node_modules')])
  if (links.status === 0) return
  const copy = spawnSync('cp', ['-a', `${packages}/.`, join(folder, 'node_modules')], { encoding: 'utf8' })
  if (copy.status !== 0) throw new Error(copy.stderr)
}

/** npm as a person's shell finds it: without what the npm that runs the tests has added to the path. */
export const runNpm = (folder: string, args: string[], port: number): Child => {
  const path = (process.env.PATH ?? '').split(':').filter((part) => !part.includes('node_modules'))
  const env = childEnv({ PATH: path.join(':'), PORT: String(port), NODE_V8_COVERAGE: undefined })
  return startChild(['npm', ...args], { cwd: folder, env })
}
