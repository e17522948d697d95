/** Owns the commands about API keys, each of which is one operation of api-keys/manage.ts. */
import type { Command } from 'commander'
import type { KeyActor, KeyRow, MadeKey } from '../api-keys/manage.ts'
import { StartError } from '../config/start-error.ts'
import type { Ctx } from '../ctx.ts'
import { collect, numberBetween } from './input.ts'
import { load } from './load.ts'
import { columns, example, minuteOf, print, table } from './output.ts'
import { accept } from './refusal.ts'

/** Adds `keywright api-key …`. */
export const apiKeyCommands = (program: Command): void => {
  const key = program.command('api-key').description('API keys: what programs show instead of a sign-in')
  for (const add of [addCreate, addList, addRotate, addSwitches, addDelete]) add(key)
}

const loadKeys = async () =>
  await load(async () => ({
    ...(await import('../api-keys/manage.ts')),
    ...(await import('../api-keys/view.ts')),
    ...(await import('../users/manage.ts')),
  }))

/** The operator holds whatever there is. */
const operator = (ctx: Ctx): KeyActor => ({ by: {}, now: ctx.now() })
const unguarded = (): undefined => undefined

type CreateOptions = {
  user: string
  name: string
  description?: string
  role?: string[]
  permission?: string[]
  days?: number
}

const addCreate = (key: Command): void => {
  key
    .command('create')
    .description('make an API key for a person or a service account; it is printed now and never again')
    .requiredOption('--user <account>', 'whose it is: an id, an address or a user name')
    .option('--name <name>', 'what it is for', 'API key')
    .option('--description <text>', 'more about it')
    .option('--role <role>', 'a role of theirs that it has; may be repeated', collect)
    .option('--permission <permission>', 'a permission of theirs that it has; may be repeated', collect)
    .option('--days <number>', 'how long it lives; 90 when nothing is said', numberBetween(1, 3650))
    .addHelpText('after', example('keywright api-key create --user ada@example.com --permission users:read --json'))
    .action(async (options: CreateOptions, command: Command) => {
      const { withCtx, createKey, findAccount, keyView } = await loadKeys()
      const made = await withCtx(async (ctx) => {
        const owner = await findAccount(ctx, options.user)
        if (owner === undefined) throw new StartError(`There is no account ${options.user}.`)
        return accept(await createKey(ctx, wishOf(ctx, owner.id, options), operator(ctx)))
      })
      printMade(command, keyView(made.row), made)
    })
}

const wishOf = (ctx: Ctx, owner_id: string, options: CreateOptions) => ({
  owner_id,
  name: options.name,
  description: options.description,
  ...(options.days !== undefined && { expires_at: new Date(ctx.now().getTime() + options.days * 86_400_000) }),
  rights: { by: 'name' as const, roles: options.role ?? [], permissions: options.permission ?? [] },
})

const printMade = (command: Command, view: Record<string, unknown>, { row, key }: MadeKey): void => {
  const rows: [string, string][] = [
    ['API key', key],
    ['Id', row.id],
    ['Name', row.name],
    ['Roles', row.roles.map(({ name }) => name).join(' ')],
    ['Permissions', row.permissions.map(({ name }) => name).join(' ')],
    ['Expires', minuteOf(row.expires_at)],
  ]
  print(command, { ...view, key }, `${table(rows)}\n\nKeep it now: it is not shown again.`)
}

const addList = (key: Command): void => {
  key
    .command('list')
    .description('list API keys, newest first')
    .option('--user <account>', 'those of one account only')
    .option('--limit <number>', 'how many at most', numberBetween(1, 1000), 100)
    .addHelpText('after', example('keywright api-key list --user ada@example.com'))
    .action(async ({ user, limit }: { user?: string; limit: number }, command: Command) => {
      const { withCtx, listKeys, findAccount, keyView } = await loadKeys()
      const rows = await withCtx(async (ctx) => {
        const owner = user === undefined ? undefined : await findAccount(ctx, user)
        if (user !== undefined && owner === undefined) throw new StartError(`There is no account ${user}.`)
        return await listKeys(ctx.db, { owner_id: owner?.id, limit, after: undefined })
      })
      const text = rows.length === 0 ? 'There are no API keys.' : columns(heading, rows.map(cellsOf))
      print(command, { api_keys: rows.map(keyView) }, text)
    })
}

const heading = ['ID', 'NAME', 'OWNER', 'STATUS', 'EXPIRES', 'LAST USED']
const cellsOf = (row: KeyRow): string[] => [
  row.id,
  row.name,
  row.owner_id,
  row.status,
  minuteOf(row.expires_at),
  minuteOf(row.last_used_at),
]

const addRotate = (key: Command): void => {
  key
    .command('rotate')
    .description('give an API key a new secret; the former one works on for a while')
    .argument('<key>', 'the id of an API key')
    .option('--overlap <seconds>', 'how long the former secret works on', numberBetween(0, 2_592_000), 86_400)
    .addHelpText('after', example('keywright api-key rotate 0190f6a2-0000-7000-8000-000000000001 --overlap 3600'))
    .action(async (id: string, { overlap }: { overlap: number }, command: Command) => {
      const { withCtx, rotateKey, keyView } = await loadKeys()
      const made = await withCtx(async (ctx) =>
        accept(await rotateKey(ctx, { id, overlapSeconds: overlap, guard: unguarded }, operator(ctx))),
      )
      printMade(command, keyView(made.row), made)
    })
}

const addSwitches = (key: Command): void => {
  for (const [name, status, description] of [
    ['activate', 'active', 'switch an API key on'],
    ['deactivate', 'inactive', 'switch an API key off, with all that was made of it'],
  ] as const) {
    key
      .command(name)
      .description(description)
      .argument('<key>', 'the id of an API key')
      .addHelpText('after', example(`keywright api-key ${name} 0190f6a2-0000-7000-8000-000000000001`))
      .action(async (id: string, _options: unknown, command: Command) => {
        const { withCtx, setKeyStatus, noSuchKey, keyView } = await loadKeys()
        const row = await withCtx(async (ctx) =>
          accept((await setKeyStatus(ctx, { id, status, guard: unguarded }, operator(ctx))) ?? noSuchKey),
        )
        print(command, keyView(row), `API key ${id} is ${status}.`)
      })
  }
}

const addDelete = (key: Command): void => {
  key
    .command('delete')
    .description('delete an API key; it is dead at once')
    .argument('<key>', 'the id of an API key')
    .addHelpText('after', example('keywright api-key delete 0190f6a2-0000-7000-8000-000000000001'))
    .action(async (id: string, _options: unknown, command: Command) => {
      const { withCtx, removeKey } = await loadKeys()
      await withCtx(async (ctx) => accept(await removeKey(ctx, { id, guard: unguarded }, operator(ctx))))
      print(command, { id, deleted: true }, `Deleted API key ${id}.`)
    })
}
