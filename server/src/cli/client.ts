/** Owns the commands about clients (applications). Each is one operation of clients/manage.ts. */
import type { Command } from 'commander'
import { metadataOf, metadataOptions, type MetadataOptions, type RequiredMetadata } from './client-options.ts'
import { print, table } from './output.ts'
import { accept } from './refusal.ts'

/** Adds `keywright client …`. */
export const clientCommands = (program: Command): void => {
  const client = program.command('client').description('applications that sign people in or call APIs')
  addCreate(client)
}

const addCreate = (client: Command): void => {
  metadataOptions(client.command('create').description('register an application and print its credentials'), true)
    .addHelpText(
      'after',
      '\nExample:\n  keywright client create --name "My app" --type web --redirect-uri https://app.example.com/callback',
    )
    .action(async (options: MetadataOptions & RequiredMetadata, command: Command) => {
      const [{ withCtx }, { createClient }] = await Promise.all([import('./open.ts'), import('../clients/manage.ts')])
      const metadata = { ...metadataOf(options), client_name: options.name, type: options.type }
      const created = accept(await withCtx(async (ctx) => await createClient(ctx, metadata)))
      const hint = created.client_secret === undefined ? '' : '\nThe secret is shown only this once.'
      print(
        command,
        created,
        `${table([
          ['client_id', created.client_id],
          ['client_secret', created.client_secret],
        ])}${hint}`,
      )
    })
}
