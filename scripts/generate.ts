/**
 * Owns the files that are computed from other files: writes them, or with --check compares them and fails.
 * Never edits a file that a person writes. Start reading at `generators`; to add one, add a line there.
 */
import { globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, sep } from 'node:path'
import { root } from './steps.ts'

/** A generated file, or a folder of them, relative to the root, and how its content comes about. */
export type GeneratedFile = { file: string; render: () => Promise<string> }
export type Generator = GeneratedFile | { folder: string; render: () => Promise<Record<string, string>> }

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
    file: 'docs/collection/keywright.postman_collection.json',
    render: async () => await (await import('./collection/render.ts')).renderPostmanFile(),
  },
  {
    folder: 'docs/collection/bruno',
    render: async () => await (await import('./collection/render.ts')).renderBrunoFolder(),
  },
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
  for (const generator of list) {
    const name = 'file' in generator ? generator.file : generator.folder
    try {
      const wanted = await filesOf(generator)
      problems.push(...settle(folder, wanted, check))
      if ('folder' in generator) problems.push(...removeOthers(folder, { name, wanted, check }))
    } catch (error) {
      problems.push(`${name} could not be generated: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  return problems
}

/** The files of a generator, by their paths. */
async function filesOf(generator: Generator): Promise<Map<string, string>> {
  if ('file' in generator) return new Map([[generator.file, await generator.render()]])
  const files = Object.entries(await generator.render())
  return new Map(files.map(([name, text]) => [`${generator.folder}/${name}`, text]))
}

function settle(top: string, wanted: ReadonlyMap<string, string>, check: boolean): string[] {
  return [...wanted].flatMap(([file, text]) => {
    if (text === readText(join(top, file))) return []
    if (check) return [`${file} is not what its sources say: run "npm run generate" and commit it.`]
    writeText(join(top, file), text)
    return []
  })
}

/** A folder has the files of its generator and no others. */
function removeOthers(
  top: string,
  { name, wanted, check }: { name: string; wanted: ReadonlyMap<string, string>; check: boolean },
): string[] {
  const there = globSync(`${name}/**/*.*`, { cwd: top }).map((file) => file.split(sep).join('/'))
  return there
    .filter((file) => !wanted.has(file))
    .flatMap((file) => {
      if (check) return [`${file} is not generated any more: run "npm run generate" and commit it.`]
      rmSync(join(top, file))
      return []
    })
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
    console.log(`${generators.length} generated files and folders are ${check ? 'up to date' : 'written'}.`)
  process.exitCode = problems.length === 0 ? 0 : 1
}
