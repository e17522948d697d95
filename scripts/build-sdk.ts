/**
 * Owns what is published of the library: plain JavaScript in sdk/dist, and the types that its doors lead to. Never publishes
 * anything. Start reading at `build`.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root, runProgram } from './steps.ts'

const dist = join(root, 'sdk', 'dist')
const textOf = (file: string): string => readFileSync(join(dist, file), 'utf8')
const namesOf = (ending: string): string[] => readdirSync(dist).filter((name) => name.endsWith(ending))

/** Makes sdk/dist anew; false when the compiler found something. */
export const build = async (): Promise<boolean> => {
  rmSync(dist, { recursive: true, force: true })
  const compile = async (...options: string[]): Promise<boolean> =>
    await runProgram(['tsc', '-p', 'sdk/tsconfig.json', ...options])
  // What is said in comments stands in the types and in the sources.
  if (!(await compile('--removeComments', '--declaration', 'false'))) return false
  if (!(await compile('--emitDeclarationOnly'))) return false
  for (const name of namesOf('.js')) writeFileSync(join(dist, name), withTabs(textOf(name)))
  for (const name of namesOf('.d.ts')) writeFileSync(join(dist, name), withJsNames(textOf(name)))
  dropUnreachable()
  return true
}

const withTabs = (text: string): string =>
  text.replaceAll(/^ +/gm, (spaces) => '\t'.repeat(Math.floor(spaces.length / 4)) + ' '.repeat(spaces.length % 4))

/** The compiler leaves `.ts` in types. */
const withJsNames = (text: string): string => text.replaceAll(/(from|import\()( ?)'(\.\/[^']+)\.ts'/g, "$1$2'$3.js'")

/** Types that no door leads to, and code that is types only, are of no use to anybody. */
const dropUnreachable = (): void => {
  const doors = Object.values(exportsOf()).flatMap((one) => (typeof one === 'string' ? [] : [one.types, one.default]))
  const reached = new Set<string>()
  const visit = (file: string): void => {
    if (reached.has(file)) return
    reached.add(file)
    const ending = file.endsWith('.d.ts') ? '.d.ts' : '.js'
    for (const [, name = ''] of textOf(file).matchAll(/'\.\/([^']+)\.js'/g)) visit(`${name}${ending}`)
  }
  for (const door of doors) visit(door.slice('./dist/'.length))
  for (const name of readdirSync(dist)) if (!reached.has(name)) rmSync(join(dist, name))
}

type Door = string | { types: string; default: string }

const exportsOf = (): Record<string, Door> =>
  (JSON.parse(readFileSync(join(root, 'sdk', 'package.json'), 'utf8')) as { exports: Record<string, Door> }).exports

if (import.meta.main && !(await build())) process.exitCode = 1
