/** Owns `keywright user import` and `keywright user export`: files of any size, with progress at a terminal. */
import { once } from 'node:events'
import { open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { type Command, Option } from 'commander'
import { StartError } from '../config/start-error.ts'
import type { Line, Report } from '../users/import.ts'
import { closed, openNew } from './file.ts'
import { load } from './load.ts'
import { example, note, print } from './output.ts'

type Format = 'jsonl' | 'csv'
const formatOption = () =>
  new Option('--format <format>', 'jsonl or csv; else by the name of the file').choices(['jsonl', 'csv'])

const loadTransfer = async () =>
  await load(async () => ({
    ...(await import('../users/import.ts')),
    ...(await import('../users/export.ts')),
    ...(await import('../users/csv.ts')),
    ...(await import('../users/foreign-exports.ts')),
  }))

const formatOf = (format: Format | undefined, file: string): Format =>
  format ?? (file.toLowerCase().endsWith('.csv') ? 'csv' : 'jsonl')

type ImportOptions = {
  format?: Format
  from?: 'keycloak' | 'firebase'
  firebaseHash?: string
  dryRun?: true
  skipExisting?: true
}

/** Adds `keywright user import FILE`. */
export const addImport = (user: Command): void => {
  user
    .command('import')
    .description('take over accounts with their ids, password hashes and authenticator secrets')
    .argument('<file>', 'JSON lines or CSV; - reads standard input. docs/import.md names the members')
    .addOption(formatOption())
    .addOption(
      new Option('--from <system>', 'the file is the export of another system, in JSON').choices([
        'keycloak',
        'firebase',
      ]),
    )
    .option('--firebase-hash <file>', 'hash parameters of the Firebase project, in JSON; without them no passwords')
    .option('--dry-run', 'check everything, write nothing')
    .option('--skip-existing', 'pass over accounts that are there already')
    .addHelpText('after', example('keywright user import people.csv --dry-run'))
    .action(async (file: string, options: ImportOptions, command: Command) => {
      const { withCtx, importUsers, ...readers } = await loadTransfer()
      const lines = options.from
        ? Readable.from(await foreignLines(file, options, readers))
        : readers.readLines(formatOf(options.format, file), await openFile(file))
      const report = await withCtx(
        async (ctx) =>
          await importUsers(ctx, lines, {
            dry_run: options.dryRun === true,
            existing: options.skipExisting ? 'skip' : 'refuse',
            mayGive: async () => await Promise.resolve(undefined),
            by: {},
            progress: tellProgress(),
          }),
      ).catch((error: unknown) => {
        throw unreadable(error, file)
      })
      print(command, report, showReport(report, options.from ? 'account' : 'line'))
      if (report.failed > 0) process.exitCode = 1
    })
}

type Readers = Pick<
  typeof import('../users/foreign-exports.ts'),
  'keycloakRecords' | 'firebaseRecords' | 'readFirebaseProject'
>

/** The accounts of an export that is one JSON document, which is read as a whole. */
const foreignLines = async (file: string, { from, firebaseHash }: ImportOptions, readers: Readers): Promise<Line[]> => {
  const whole = await textOf(file)
  if (from === 'keycloak') return readers.keycloakRecords(whole) ?? refuseExport(file, 'a realm export of Keycloak')
  const project = firebaseHash === undefined ? undefined : readers.readFirebaseProject(await textOf(firebaseHash))
  if (firebaseHash !== undefined && project === undefined)
    return refuseExport(firebaseHash, 'the hash parameters of a Firebase project')
  return readers.firebaseRecords(whole, project) ?? refuseExport(file, 'an export of `firebase auth:export` in JSON')
}

const textOf = async (file: string): Promise<string> => {
  const pieces: Buffer[] = []
  for await (const piece of await openFile(file)) pieces.push(piece)
  return Buffer.concat(pieces).toString('utf8')
}

const refuseExport = (file: string, expected: string): never => {
  throw new StartError(`${file} is not ${expected}. docs/import.md says how such a file is made.`)
}

/** Opened before anything else, so that a wrong name is told in a sentence. */
const openFile = async (file: string): Promise<AsyncIterable<Buffer>> => {
  if (file === '-') return process.stdin
  const opened = await open(file).catch((error: unknown) => {
    throw unreadable(error, file)
  })
  return opened.createReadStream()
}

const unreadable = (error: unknown, file: string): unknown => {
  if (!(error instanceof Error) || error instanceof StartError) return error
  const code = 'code' in error ? String(error.code) : ''
  if (code === 'ENOENT') return new StartError(`There is no file ${file}.`)
  return code.startsWith('CSV_') || code.startsWith('ERR_ENCODING') || code === 'LINE_TOO_LONG'
    ? new StartError(`${file} cannot be read: ${error.message}.`)
    : error
}

/** At a terminal the number stands in one line; elsewhere a line every ten thousand. */
const tellProgress = (): ((done: number) => void) => {
  let told = 0
  return (done) => {
    if (process.stderr.isTTY) process.stderr.write(`\r${done} records`)
    else if (done - told >= 10_000) {
      told = done
      note(`${done} records`)
    }
  }
}

const showReport = ({ created, skipped, failed, problems, dry_run }: Report, unit = 'line'): string => {
  const head = `${dry_run ? 'Would create' : 'Created'} ${created}, passed over ${skipped}, refused ${failed}.`
  const rest = failed > problems.length ? [`… and ${failed - problems.length} more.`] : []
  return [head, ...problems.map(({ line, detail }) => `${unit} ${line}: ${detail}`), ...rest].join('\n')
}

type ExportOptions = { format?: Format; output?: string; withHashes?: true }

/** Adds `keywright user export`. */
export const addExport = (user: Command): void => {
  user
    .command('export')
    .description('write every account, as `user import` reads it')
    .addOption(formatOption())
    .option('--output <file>', 'write to this file, which must not exist; else to standard output')
    .option('--with-hashes', 'password hashes too: keep the file as safe as the database')
    .addHelpText('after', example('keywright user export --output people.csv'))
    .action(async (options: ExportOptions) => {
      const { withCtx, exportUsers } = await loadTransfer()
      const format = formatOf(options.format, options.output ?? '')
      const out = options.output === undefined ? process.stdout : await openNew(options.output)
      await withCtx(async (ctx) => {
        for await (const piece of exportUsers(ctx, { format, hashes: options.withHashes === true }))
          if (!out.write(piece)) await once(out, 'drain')
      })
      if (options.output === undefined) return
      await closed(out)
      note(`Written to ${options.output}.`)
    })
}
