/**
 * Owns the commands about service accounts, each of which is one operation of users/service-accounts.ts. Start reading at
 * `serviceAccountCommands`.
 */
import type { Command } from 'commander'
import { StartError } from '../config/start-error.ts'
import type { Ctx } from '../ctx.ts'
import { collect, confirmLoss } from './input.ts'
import { load } from './load.ts'
import { columns, example, print } from './output.ts'
import { accept, UsageError } from './refusal.ts'
import { requireAccount } from './user-account.ts'

const argument = 'an id or a user name'

/** Adds `keywright service-account …`. */
export const serviceAccountCommands = (program: Command): void => {
  const service = program
    .command('service-account')
    .description('accounts by which programs act; nobody signs in as one. Their roles: keywright user roles')
  for (const add of [addList, addCreate, addUpdate, addStatus, addDelete]) add(service)
}

const loadServices = async () =>
  await load(async () => ({
    ...(await import('../users/service-accounts.ts')),
    ...(await import('../access/assign.ts')),
    ...(await import('../access/change.ts')),
  }))

/** The service account of an id or a user name. */
const requireService = async (ctx: Ctx, key: string) => {
  const { serviceOf } = await import('../users/service-accounts.ts')
  const found = await serviceOf(ctx, (await requireAccount(ctx, key)).id)
  if ('denied' in found) throw new StartError(`${key} is no service account.`)
  return found
}

const addList = (service: Command): void => {
  service
    .command('list')
    .description('list service accounts with their roles')
    .addHelpText('after', example('keywright service-account list'))
    .action(async (_options: unknown, command: Command) => {
      const { withCtx, listServices } = await loadServices()
      const service_accounts = await withCtx(async (ctx) => await listServices(ctx.db, { limit: 10_000 }))
      const rows = service_accounts.map(({ id, username, status, roles }) => [
        id,
        username ?? '',
        status,
        roles.join(' '),
      ])
      print(command, { service_accounts }, columns(['ID', 'USERNAME', 'STATUS', 'ROLES'], rows))
    })
}

type CreateOptions = { name?: string; description?: string; role?: string[] }

const addCreate = (service: Command): void => {
  service
    .command('create')
    .description('make a service account and print its id')
    .argument('<username>', 'its user name')
    .option('--name <name>', 'what people call it')
    .option('--description <text>', 'what it is for')
    .option('--role <role>', 'give it a role; may be repeated', collect)
    .addHelpText('after', example('keywright service-account create nightly-report --role viewer'))
    .action(async (username: string, { role = [], ...wish }: CreateOptions, command: Command) => {
      const { withCtx, createService, changeRoles, operator } = await loadServices()
      const made = await withCtx(async (ctx) => {
        const account = accept(await createService(ctx, { username, ...wish }, operator))
        if (role.length > 0) accept(await changeRoles(ctx, account.id, { add: role, remove: [] }))
        return await requireService(ctx, account.id)
      })
      print(command, made, `Created service account ${made.id}.`)
    })
}

const addUpdate = (service: Command): void => {
  service
    .command('update')
    .description('change what a service account says')
    .argument('<account>', argument)
    .option('--username <name>', 'another user name')
    .option('--name <name>', 'what people call it')
    .option('--description <text>', 'what it is for')
    .addHelpText('after', example('keywright service-account update nightly-report --description "Sends reports"'))
    .action(async (key: string, wish: Omit<CreateOptions, 'role'> & { username?: string }, command: Command) => {
      if (Object.keys(wish).length === 0) throw new UsageError('Say what to change.')
      const { withCtx, changeService, operator } = await loadServices()
      const after = await withCtx(async (ctx) => {
        const { id } = await requireService(ctx, key)
        return accept(await changeService(ctx, { id, wish }, operator))
      })
      print(command, after, `Changed service account ${after.id}.`)
    })
}

const addStatus = (service: Command): void => {
  const kinds = [
    { name: 'disable', status: 'disabled', about: 'switch it off: its keys and tokens are dead' },
    { name: 'enable', status: 'active', about: 'switch it on again' },
  ] as const
  for (const { name, status, about } of kinds) {
    service
      .command(name)
      .description(about)
      .argument('<account>', argument)
      .addHelpText('after', example(`keywright service-account ${name} nightly-report`))
      .action(async (key: string, _options: unknown, command: Command) => {
        const { withCtx, setServiceStatus, operator } = await loadServices()
        const after = await withCtx(async (ctx) => {
          const { id } = await requireService(ctx, key)
          return accept(await setServiceStatus(ctx, { id, status }, operator))
        })
        print(command, after, `Service account ${after.id} is ${after.status}.`)
      })
  }
}

const addDelete = (service: Command): void => {
  service
    .command('delete')
    .description('delete a service account with its API keys')
    .argument('<account>', argument)
    .option('--yes', 'confirm: it cannot be undone')
    .addHelpText('after', example('keywright service-account delete nightly-report --yes'))
    .action(async (key: string, options: { yes?: true }, command: Command) => {
      await confirmLoss(`Delete the service account ${key} with its keys?`, options.yes)
      const { withCtx, removeService, operator } = await loadServices()
      const id = await withCtx(async (ctx) => {
        const found = await requireService(ctx, key)
        accept(await removeService(ctx, found.id, operator))
        return found.id
      })
      print(command, { id, deleted: true }, `Deleted service account ${id}.`)
    })
}
