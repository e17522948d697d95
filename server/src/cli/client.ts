/**
 * Owns the commands about clients (applications), each of which is one operation of clients/manage.ts. Never knows a
 * rule about clients. Start reading at `clientCommands`.
 */
import type { Command } from 'commander'
import { StartError } from '../config/start-error.ts'
import { addApply } from './client-apply.ts'
import { metadataOf, metadataOptions, type MetadataOptions, type RequiredMetadata } from './client-options.ts'
import { clientView, showClient, showClients, showCredentials, showRotated } from './client-view.ts'
import { confirmLoss, duration, numberBetween } from './input.ts'
import { load } from './load.ts'
import { example, print } from './output.ts'
import { accept, UsageError } from './refusal.ts'

/** Adds `keywright client …`. */
export const clientCommands = (program: Command): void => {
  const client = program.command('client').description('applications that sign people in or call APIs')
  for (const add of [addCreate, addApply, addList, addShow, addUpdate, addRotate, addStatus, addDelete]) add(client)
}

/** The database and the operations on clients, loaded when a command runs. */
const loadClients = async () => await load(async () => await import('../clients/manage.ts'))

const addCreate = (client: Command): void => {
  metadataOptions(client.command('create').description('register an application and print its credentials'), true)
    .addHelpText(
      'after',
      example(
        'keywright client create --name "My app" --type web --redirect-uri https://app.example.com/callback',
        'keywright client create --name "Nightly job" --type machine --scope "reports:read"',
      ),
    )
    .action(async (options: MetadataOptions & RequiredMetadata, command: Command) => {
      const { withCtx, createClient } = await loadClients()
      const metadata = {
        ...metadataOf(options),
        client_name: options.name,
        type: options.type,
      }
      const created = accept(await withCtx(async (ctx) => await createClient(ctx, metadata)))
      print(command, created, showCredentials(created))
    })
}

const addList = (client: Command): void => {
  client
    .command('list')
    .description('list applications, oldest first')
    .option('--limit <number>', 'how many at most', numberBetween(1, 1000), 100)
    .option('--after <client_id>', 'go on after this one')
    .addHelpText('after', example('keywright client list'))
    .action(async (options: { limit: number; after?: string }, command: Command) => {
      const { withCtx, listClients, loadClient } = await loadClients()
      const clients = await withCtx(async ({ db }) => {
        const after = options.after === undefined ? undefined : await loadClient(db, options.after)
        if (options.after !== undefined && after === undefined) throw noSuchClient(options.after)
        return await listClients(db, {
          limit: options.limit,
          ...(after && { after }),
        })
      })
      print(command, { clients: clients.map((one) => clientView(one)) }, showClients(clients))
    })
}

const noSuchClient = (client_id: string): StartError => new StartError(`There is no client ${client_id}.`)

const addShow = (client: Command): void => {
  client
    .command('show')
    .description('show an application; of its secrets only the last four characters are known')
    .argument('<client_id>')
    .addHelpText('after', example('keywright client show app_demo --json'))
    .action(async (client_id: string, _options: unknown, command: Command) => {
      const { withCtx, loadClient } = await loadClients()
      const found = await withCtx(async ({ db }) => await loadClient(db, client_id))
      if (found === undefined) throw noSuchClient(client_id)
      print(command, clientView(found, found.secrets), showClient(found))
    })
}

const addUpdate = (client: Command): void => {
  metadataOptions(
    client
      .command('update')
      .description('change an application; what is not named stays, a list that is named replaces the old one')
      .argument('<client_id>'),
    false,
  )
    .addHelpText(
      'after',
      example(
        'keywright client update app_demo --redirect-uri https://app.example.com/callback',
        'keywright client update app_demo --origin ""        an empty value empties a list',
      ),
    )
    .action(async (client_id: string, options: MetadataOptions, command: Command) => {
      const change = metadataOf(options)
      if (Object.keys(change).length === 0) throw new UsageError('Say what to change.')
      const { withCtx, changeClient } = await loadClients()
      accept(await withCtx(async (ctx) => await changeClient(ctx, client_id, change)))
      print(command, { client_id }, `Changed client ${client_id}.`)
    })
}

const addRotate = (client: Command): void => {
  client
    .command('rotate-secret')
    .description('make a new secret; the last one stays valid for a while, so that deployments can follow')
    .argument('<client_id>')
    .option('--overlap <time>', 'how long the last secret stays valid: 90s, 30m, 24h, 7d, or 0', duration, 86_400)
    .addHelpText('after', example('keywright client rotate-secret app_demo --overlap 24h'))
    .action(async (client_id: string, options: { overlap: number }, command: Command) => {
      const { withCtx, rotateSecret, loadClient } = await loadClients()
      const rotated = await withCtx(async (ctx) => {
        const created = accept(await rotateSecret(ctx, client_id, options.overlap))
        const [, previous] = (await loadClient(ctx.db, client_id))?.secrets ?? []
        return { ...created, ...(previous?.expires_at && { previous_expires_at: previous.expires_at }) }
      })
      print(command, rotated, showRotated(rotated))
    })
}

const addStatus = (client: Command): void => {
  const kinds = [
    {
      name: 'disable',
      status: 'disabled',
      about: 'refuse an application and end its access tokens at once',
    },
    {
      name: 'enable',
      status: 'enabled',
      about: 'let a disabled application work again',
    },
  ] as const
  for (const { name, status, about } of kinds) {
    client
      .command(name)
      .description(about)
      .argument('<client_id>')
      .addHelpText('after', example(`keywright client ${name} app_demo`))
      .action(async (client_id: string, _options: unknown, command: Command) => {
        const { withCtx, setClientStatus } = await loadClients()
        accept(await withCtx(async (ctx) => await setClientStatus(ctx, client_id, status)))
        print(command, { client_id, status }, `Client ${client_id} is ${status}.`)
      })
  }
}

const addDelete = (client: Command): void => {
  client
    .command('delete')
    .description('delete an application with everything issued to it')
    .argument('<client_id>')
    .option('--yes', 'confirm: it cannot be undone')
    .addHelpText('after', example('keywright client delete app_demo --yes'))
    .action(async (client_id: string, options: { yes?: true }, command: Command) => {
      await confirmLoss(`Delete the client ${client_id} with everything issued to it?`, options.yes)
      const { withCtx, removeClient } = await loadClients()
      accept(await withCtx(async (ctx) => await removeClient(ctx, client_id)))
      print(command, { client_id, deleted: true }, `Deleted client ${client_id}.`)
    })
}
