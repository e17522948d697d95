/**
 * Owns the commands about the audit trail: verify, public-key, search, export. Never changes it. Start reading at
 * `auditCommands`.
 */
import { once } from 'node:events'
import { type Command, Option } from 'commander'
import type { Verdict } from '../audit/verify.ts'
import type { FilterText } from '../audit/filter.ts'
import type { FoundEvent } from '../audit/search.ts'
import { closed, openNew } from './file.ts'
import { numberBetween, wholeNumber } from './input.ts'
import { load } from './load.ts'
import { columns, example, note, print, table } from './output.ts'
import { accept, UsageError } from './refusal.ts'

/** Adds `keywright audit …`. */
export const auditCommands = (program: Command): void => {
  const audit = program.command('audit').description('what happened, and whether that record is whole')
  for (const add of [addVerify, addPublicKey, addSearch, addExport]) add(audit)
}

type VerifyOptions = { file?: string; publicKey?: string; checkpoints?: string; through?: number }

const addVerify = (audit: Command): void => {
  audit
    .command('verify')
    .description('check that no event was changed, removed, added or moved; exits with 1 and names the first that was')
    .option('--file <export>', 'an export in JSON lines instead of the database; needs no database')
    .option('--public-key <file>', 'of `keywright audit public-key`; with --file it must be given')
    .option('--checkpoints <file>', 'checkpoints that were kept elsewhere: the file of them, or the log of the server')
    .option('--through <seq>', 'with --file: the last event that the export was meant to have', wholeNumber)
    .addHelpText(
      'after',
      example(
        'keywright audit verify --checkpoints /mnt/elsewhere/checkpoints.jsonl',
        'keywright audit verify --file events.jsonl --public-key audit.pem',
      ),
    )
    .action(async (options: VerifyOptions, command: Command) => {
      const verdict = await verify(options)
      print(command, verdict, showVerdict(verdict))
      if (!verdict.valid) process.exitCode = 1
    })
}

const verify = async (options: VerifyOptions): Promise<Verdict> => {
  const { file, publicKey, checkpoints, through } = options
  const { readCheckpoints, readPublicKey, verifyFile } = await import('../audit/verify-file.ts')
  if (file !== undefined && publicKey === undefined) throw new UsageError('--file needs --public-key.')
  if (file === undefined && through !== undefined) throw new UsageError('--through goes with --file.')
  const given = publicKey === undefined ? undefined : await readPublicKey(publicKey)
  const elsewhere = checkpoints === undefined ? [] : await readCheckpoints(checkpoints)
  if (checkpoints !== undefined && elsewhere.length === 0)
    throw new UsageError(`There is no checkpoint in ${checkpoints}.`)
  if (file !== undefined && given !== undefined) return await verifyFile(file, { key: given, elsewhere, through })
  const { withCtx, verifyDatabase, publicKeyOf } = await load(async () => ({
    ...(await import('../audit/verify-database.ts')),
    ...(await import('../audit/signature.ts')),
  }))
  return await withCtx(async (ctx) => await verifyDatabase(ctx, { key: given ?? publicKeyOf(ctx), elsewhere }))
}

const showVerdict = ({ valid, rows, first_seq, last_seq, checkpoints, forgotten, problem }: Verdict): string => {
  const facts = table([
    ['Events', rows === 0 ? '0' : `${rows}, from ${first_seq} to ${last_seq}`],
    ['Checkpoints', String(checkpoints)],
    ['Forgotten', forgotten === 0 ? '' : `personal data of ${forgotten} events`],
  ])
  return valid ? `The trail is whole.\n${facts}` : `NOT WHOLE at event ${problem?.seq}: ${problem?.text}.\n${facts}`
}

const addPublicKey = (audit: Command): void => {
  audit
    .command('public-key')
    .description('print the key that checkpoints are verified with, as PEM; keep it elsewhere')
    .addHelpText('after', example('keywright audit public-key > audit.pem'))
    .action(async (_options: unknown, command: Command) => {
      const { withCtx, publicPem } = await load(async () => await import('../audit/signature.ts'))
      const pem = await withCtx(async (ctx) => await Promise.resolve(publicPem(ctx)))
      print(command, { public_key: pem }, pem)
    })
}

type FilterOptions = {
  user?: string
  by?: string
  type?: string
  from?: string
  to?: string
  outcome?: string
  severity?: string
  client?: string
  ip?: string
  request?: string
}

const withFilter = (command: Command): Command =>
  command
    .option('--user <user_id>', 'whom it happened to')
    .option('--by <user_id>', 'the administrator who did it')
    .option('--type <types>', 'such as user.created,login.*')
    .option('--from <instant>', 'such as 2026-01-31 or 2026-01-31T12:00:00Z')
    .option('--to <instant>', 'up to this instant, without it')
    .addOption(new Option('--outcome <outcome>', 'how it ended').choices(['success', 'failure']))
    .addOption(new Option('--severity <severity>', 'how grave').choices(['info', 'notice', 'warning', 'alert']))
    .option('--client <client_id>', 'the application')
    .option('--ip <address>', 'an address, or a network such as 192.0.2.0/24')
    .option('--request <request_id>', 'what one request did')

const filterText = ({
  user,
  client,
  request,
  by,
  type,
  from,
  to,
  outcome,
  severity,
  ip,
}: FilterOptions): FilterText => {
  const all = { user_id: user, client_id: client, request_id: request, by, type, from, to, outcome, severity, ip }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

const addSearch = (audit: Command): void => {
  withFilter(audit.command('search').description('list events, newest first'))
    .option('--limit <count>', 'how many (50 when left out)', numberBetween(1, 1000), 50)
    .addHelpText('after', example('keywright audit search --type user.*,role.* --from 2026-01-01 --limit 20'))
    .action(async ({ limit, ...options }: FilterOptions & { limit: number }, command: Command) => {
      const { withCtx, searchEvents, parseFilter, eventFacts } = await load(async () => ({
        ...(await import('../audit/search.ts')),
        ...(await import('../audit/filter.ts')),
        ...(await import('../audit/view.ts')),
      }))
      const filter = accept(parseFilter(filterText(options)))
      const found = await withCtx(async (ctx) => await searchEvents(ctx.db, { filter, limit }))
      print(command, { events: found.map(eventFacts) }, showEvents(found))
    })
}

const showEvents = (events: readonly FoundEvent[]): string =>
  events.length === 0
    ? 'Nothing was found.'
    : columns(
        ['AT', 'TYPE', 'OUTCOME', 'USER', 'BY', 'CLIENT', 'IP', 'ID'],
        events.map((event) => [
          event.at.toISOString().slice(0, 19).replace('T', ' '),
          event.type,
          event.outcome,
          event.user_id ?? '',
          event.actor_id ?? '',
          event.client_id ?? '',
          event.ip ?? '',
          event.id,
        ]),
      )

type ExportOptions = FilterOptions & { format: 'jsonl' | 'csv'; output?: string }

const addExport = (audit: Command): void => {
  withFilter(
    audit.command('export').description('write events in their order; JSON lines without a filter can be verified'),
  )
    .addOption(new Option('--format <format>', 'how').choices(['jsonl', 'csv']).default('jsonl'))
    .option('--output <file>', 'write to this file, which must not exist; else to standard output')
    .addHelpText('after', example('keywright audit export --from 2026-01-01 --output events.jsonl'))
    .action(async ({ format, output, ...options }: ExportOptions) => {
      const { withCtx, exportRecorded, parseFilter } = await load(async () => ({
        ...(await import('../audit/export.ts')),
        ...(await import('../audit/filter.ts')),
      }))
      const filter = accept(parseFilter(filterText(options)))
      const out = output === undefined ? process.stdout : await openNew(output)
      await withCtx(async (ctx) => {
        for await (const piece of await exportRecorded(ctx, { format, filter }, {}))
          if (!out.write(piece)) await once(out, 'drain')
      })
      if (output === undefined) return
      await closed(out)
      note(`Written to ${output}.`)
    })
}
