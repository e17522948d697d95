/**
 * Owns the files that are computed from other files: writes them, or with --check compares them and fails.
 * Never edits a file that a person writes. Start reading at `generators`; to add one, add a line there.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from './steps.ts'

/** A generated file, relative to the root, and how its content comes about. */
export type Generator = { file: string; render: () => Promise<string> }

/** Every generated file. The imports wait until they are needed, so that one broken source does not hide the others. */
export const generators: Generator[] = [
  {
    file: 'docs/configuration.md',
    render: async () => (await import('../server/src/config/docs.ts')).renderConfigurationDocs(),
  },
  { file: '.env.example', render: async () => (await import('../server/src/config/docs.ts')).renderEnvExample() },
  {
    file: 'sdk/src/api.gen.ts',
    render: async () => await (await import('./sdk-types.ts')).renderSdkTypes(),
  },
  { file: 'docs/api-routes.md', render: async () => await (await import('./api-routes.ts')).renderApiRoutes() },
  { file: 'docs/openapi.json', render: async () => await (await import('./openapi.ts')).renderOpenApi() },
  {
    file: 'server/src/db/tables.gen.ts',
    render: async () => await (await import('./migrated-schema.ts')).renderMigratedSchema(),
  },
]

/**
 * Writes all files below `folder`, or compares them when `check` is set. Returns a sentence for each file that differs
 * or could not be computed; none means that everything is as it should be.
 */
export async function generate(list: Generator[], folder: string, check: boolean): Promise<string[]> {
  const problems: string[] = []
  for (const { file, render } of list) {
    try {
      const wanted = await render()
      if (wanted === readText(join(folder, file))) continue
      if (check) problems.push(`${file} is not what its sources say: run "npm run generate" and commit it.`)
      else writeText(join(folder, file), wanted)
    } catch (error) {
      problems.push(`${file} could not be generated: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return problems
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function writeText(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

if (import.meta.main) {
  const check = process.argv.includes('--check')
  const problems = await generate(generators, root, check)
  for (const problem of problems) console.error(problem)
  if (problems.length === 0)
    console.log(`${generators.length} generated files are ${check ? 'up to date' : 'written'}.`)
  process.exitCode = problems.length === 0 ? 0 : 1
}
