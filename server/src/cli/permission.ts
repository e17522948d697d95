/** Owns the commands about permissions, each of which is one operation of access/. Start reading at `permissionCommands`. */
import type { Command } from 'commander'
import { permissionIds } from './access-named.ts'
import { confirmLoss } from './input.ts'
import { load } from './load.ts'
import { columns, example, print } from './output.ts'
import { accept } from './refusal.ts'

/** Adds `keywright permission …`. */
export const permissionCommands = (program: Command): void => {
  const permission = program.command('permission').description('permissions (resource:action) that roles hold')
  for (const add of [addList, addCreate, addDelete]) add(permission)
}

const loadPermissions = async () =>
  await load(async () => ({
    ...(await import('../access/permission-admin.ts')),
    ...(await import('../access/change.ts')),
    ...(await import('../access/views.ts')),
  }))

const addList = (permission: Command): void => {
  permission
    .command('list')
    .description('list permissions by name')
    .option('--query <text>', 'only those with this in their name')
    .addHelpText('after', example('keywright permission list --query users'))
    .action(async ({ query: q }: { query?: string }, command: Command) => {
      const { withCtx, listPermissions, permissionView } = await loadPermissions()
      const found = await withCtx(async (ctx) => await listPermissions(ctx.db, { limit: 10_000, q }))
      const permissions = found.map(permissionView).toSorted((one, other) => one.name.localeCompare(other.name))
      const rows = permissions.map(({ name, builtin, description }) => [name, builtin ? 'yes' : '', description ?? ''])
      print(command, { permissions }, columns(['NAME', 'BUILT IN', 'DESCRIPTION'], rows))
    })
}

const addCreate = (permission: Command): void => {
  permission
    .command('create')
    .description('make a permission; the role admin holds it at once')
    .argument('<permission>', 'its name, resource:action')
    .option('--description <text>', 'what it allows')
    .option('--resource-server <id>', 'the API that it is for; without it tokens for any may carry it')
    .addHelpText('after', example('keywright permission create invoices:read --description "See invoices"'))
    .action(async (name: string, options: { description?: string; resourceServer?: string }, command: Command) => {
      const { description, resourceServer: resource_server_id } = options
      const { withCtx, createPermission, permissionView, operator } = await loadPermissions()
      const wish = { name, description, resource_server_id }
      const made = accept(await withCtx(async (ctx) => await createPermission(ctx, wish, operator)))
      print(command, permissionView(made), `Created permission ${made.name}.`)
    })
}

const addDelete = (permission: Command): void => {
  permission
    .command('delete')
    .description('delete a permission; no role holds it any more')
    .argument('<permission>', 'its name')
    .option('--yes', 'confirm: it cannot be undone')
    .addHelpText('after', example('keywright permission delete invoices:read --yes'))
    .action(async (name: string, options: { yes?: true }, command: Command) => {
      await confirmLoss(`Delete the permission ${name}?`, options.yes)
      const { withCtx, deletePermission, operator } = await loadPermissions()
      await withCtx(async (ctx) => {
        const [id = ''] = await permissionIds(ctx, [name])
        accept(await deletePermission(ctx, { id }, operator))
      })
      print(command, { permission: name, deleted: true }, `Deleted permission ${name}.`)
    })
}
