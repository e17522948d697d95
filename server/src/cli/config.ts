/** Owns the commands about settings: what is in force, and the way from an older system's file to ours. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Command } from 'commander'
import type { ImportedEnv, KeyFile } from '../config/import-old.ts'
import { StartError } from '../config/start-error.ts'
import { example, note, print } from './output.ts'

/** Adds `keywright config …`. */
export const configCommands = (program: Command): void => {
  const config = program.command('config').description('settings')
  addPrint(config)
  addImport(config)
}

const addPrint = (config: Command): void => {
  config
    .command('print')
    .description('print every setting in force, marked where it is not the default')
    .option('--redacted', 'hide secrets (the default)')
    .option('--no-redacted', 'show secrets too')
    .addHelpText('after', example('keywright config print'))
    .action(async ({ redacted = true }: { redacted?: boolean }, command: Command) => {
      const [{ loadConfig }, { listSettings, printConfig }] = await Promise.all([
        import('../config/load.ts'),
        import('../config/print.ts'),
      ])
      const loaded = loadConfig()
      for (const notice of loaded.notices) note(notice)
      const options = { redacted, cwd: process.cwd() }
      print(command, { settings: listSettings(loaded.config, options) }, printConfig(loaded.config, options))
    })
}

const addImport = (config: Command): void => {
  config
    .command('import')
    .description("translate an older system's .env file; prints the new one, or writes it with --out")
    .argument('<file>', 'the old file')
    .option('--out <file>', 'write here, with private keys of the old file beside it; never overwrites')
    .addHelpText('after', example('keywright config import old.env --out .env'))
    .action(async (path: string, options: { out?: string }, command: Command) => {
      const { importOldEnv } = await import('../config/import-old.ts')
      const folder = dirname(resolve(path))
      const imported = importOldEnv(read(path), (name) => readOr(resolve(folder, name)))
      const inline = imported.keyFiles.filter((key) => readOr(resolve(folder, key.path)) !== key.pem)
      const written = options.out === undefined ? [] : save(options.out, imported, inline)
      for (const text of imported.notes) note(text)
      if (options.out === undefined && inline.length > 0) note('The old file holds a private key: --out also saves it.')
      const { env, notes } = imported
      print(
        command,
        { notes, written, ...(options.out === undefined && { env }) },
        options.out === undefined ? env : `Wrote ${written.join(' and ')}.`,
      )
    })
}

const readOr = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

const read = (path: string): string => {
  const text = readOr(path)
  if (text === undefined) throw new StartError(`The file ${path} cannot be read.`)
  return text
}

/** Writes the new file and the keys that stood inside the old one; all are secret, and none replaces what is there. */
const save = (out: string, { env }: ImportedEnv, keys: readonly KeyFile[]): string[] => {
  const folder = dirname(resolve(out))
  const files = [
    { path: out, text: env },
    ...keys.map(({ path, pem }) => ({
      path: resolve(folder, path),
      text: pem,
    })),
  ]
  const taken = files.find(({ path }) => existsSync(path))
  if (taken) throw new StartError(`The file ${taken.path} exists already: move it away, or choose another --out.`)
  for (const { path, text } of files) writeNew(path, text)
  return files.map(({ path }) => path)
}

const writeNew = (path: string, text: string): void => {
  try {
    writeFileSync(path, text, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason'
    throw new StartError(`The file ${path} cannot be written (${code}).`)
  }
}
