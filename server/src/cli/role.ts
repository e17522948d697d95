/**
 * Owns the commands about roles, each of which is one operation of access/. Never knows a rule about roles. Start reading at
 * `roleCommands`.
 */
import { type Command, Option } from 'commander'
import { acrLevels } from '../protocol/acr.ts'
import { groupArgument, permissionIds, requireGroup, requireRole } from './access-named.ts'
import { collect, confirmLoss } from './input.ts'
import { load } from './load.ts'
import { columns, example, print } from './output.ts'
import { accept, UsageError } from './refusal.ts'
import { requireAccount, userArgument } from './user-account.ts'

/** Adds `keywright role …`. */
export const roleCommands = (program: Command): void => {
  const role = program.command('role').description('roles: what they hold, who has them, what they ask of a sign-in')
  for (const add of [addList, addCreate, addUpdate, addGrant, addDelete]) add(role)
}

const loadRoles = async () =>
  await load(async () => ({
    ...(await import('../access/role-admin.ts')),
    ...(await import('../access/change.ts')),
  }))

const addList = (role: Command): void => {
  role
    .command('list')
    .description('list roles, their permissions and the level of assurance that they demand')
    .addHelpText('after', example('keywright role list'))
    .action(async (_options: unknown, command: Command) => {
      const { withCtx, listRoles } = await loadRoles()
      const found = await withCtx(async (ctx) => await listRoles(ctx.db, { limit: 1000 }))
      const roles = found.map(roleView).toSorted((one, other) => one.name.localeCompare(other.name))
      const rows = roles.map(({ name, acr, permissions }) => [name, acr ?? '', permissions.join(' ')])
      print(command, { roles }, columns(['NAME', 'ACR', 'PERMISSIONS'], rows))
    })
}

type Shown = {
  id: string
  name: string
  description: string | null
  acr: string | null
  permissions: { name: string }[]
}

const roleView = ({ id, name, description, acr, permissions }: Shown) => ({
  id,
  name,
  description,
  acr,
  permissions: permissions.map((permission) => permission.name),
})

const acrOption = () =>
  new Option('--acr <level>', 'aal1 one factor, aal2 two, phr a passkey; none demands nothing').choices([
    ...acrLevels,
    'none',
  ])

const levelOf = (acr: string | undefined): string | null | undefined => (acr === 'none' ? null : acr)

type CreateOptions = { description?: string; acr?: string; permission?: string[] }

const addCreate = (role: Command): void => {
  role
    .command('create')
    .description('make a role')
    .argument('<role>', 'its name')
    .option('--description <text>', 'what it is for')
    .option('--permission <permission>', 'what it holds; may be repeated', collect)
    .addOption(acrOption())
    .addHelpText('after', example('keywright role create accountant --permission invoices:read'))
    .action(async (name: string, { description, acr, permission = [] }: CreateOptions, command: Command) => {
      const { withCtx, createRole, operator } = await loadRoles()
      const made = await withCtx(async (ctx) => {
        const permission_ids = await permissionIds(ctx, permission)
        return accept(await createRole(ctx, { name, description, acr: levelOf(acr), permission_ids }, operator))
      })
      print(command, roleView(made), `Created role ${made.name}.`)
    })
}

type UpdateOptions = { name?: string; description?: string; acr?: string; add?: string[]; remove?: string[] }

const addUpdate = (role: Command): void => {
  role
    .command('update')
    .description('change a role; what is not named stays')
    .argument('<role>', 'the name of a role')
    .option('--name <name>', 'another name')
    .option('--description <text>', 'what it is for; empty takes it away')
    .option('--add <permission>', 'let it hold a permission; may be repeated', collect)
    .option('--remove <permission>', 'take a permission out; may be repeated', collect)
    .addOption(acrOption())
    .addHelpText('after', example('keywright role update admin --acr aal2'))
    .action(async (key: string, options: UpdateOptions, command: Command) => {
      if (Object.keys(options).length === 0) throw new UsageError('Say what to change.')
      const { withCtx, changeRole, operator } = await loadRoles()
      const after = await withCtx(async (ctx) => {
        const found = await requireRole(ctx, key)
        const { name, description, acr, add = [], remove = [] } = options
        const gone = await permissionIds(ctx, remove)
        const kept = found.permissions.map(({ id }) => id).filter((id) => !gone.includes(id))
        const permission_ids =
          add.length + remove.length === 0 ? undefined : [...new Set([...kept, ...(await permissionIds(ctx, add))])]
        const wish = { name, description: description === '' ? null : description, acr: levelOf(acr), permission_ids }
        return accept(await changeRole(ctx, { id: found.id, wish }, operator))
      })
      const demand = options.acr === undefined ? '' : `; it demands ${after.acr ?? 'nothing'} of sign-ins`
      print(command, roleView(after), `Changed role ${after.name}${demand}.`)
    })
}

type GrantOptions = { user?: string[]; group?: string[] }

const addGrant = (role: Command): void => {
  const kinds = [
    { name: 'grant', gives: true, about: 'give a role to people, service accounts or groups', done: 'Gave' },
    { name: 'revoke', gives: false, about: 'take a role from people, service accounts or groups', done: 'Took' },
  ] as const
  for (const { name, gives, about, done } of kinds) {
    role
      .command(name)
      .description(about)
      .argument('<role>', 'the name of a role')
      .option('--user <user>', `an account: ${userArgument}; may be repeated`, collect)
      .option('--group <group>', `${groupArgument}; may be repeated`, collect)
      .addHelpText('after', example(`keywright role ${name} editor --user ada@example.com --group staff`))
      .action(async (key: string, { user = [], group = [] }: GrantOptions, command: Command) => {
        if (user.length + group.length === 0) throw new UsageError('Say whose, with --user or --group.')
        const { withCtx, assignRole, changeGroupRole, operator } = await loadGrants()
        await withCtx(async (ctx) => {
          const { id: role_id } = await requireRole(ctx, key)
          for (const one of user) {
            const { id: user_id } = await requireAccount(ctx, one)
            accept(await assignRole(ctx, { user_id, role_id, gives }, operator))
          }
          for (const one of group) {
            const { id } = await requireGroup(ctx, one)
            accept(await changeGroupRole(ctx, { id, role_id, gives }, operator))
          }
        })
        print(command, { role: key, users: user, groups: group }, `${done} role ${key}.`)
      })
  }
}

const loadGrants = async () =>
  await load(async () => ({
    ...(await import('../access/assign.ts')),
    ...(await import('../access/groups.ts')),
    ...(await import('../access/change.ts')),
  }))

const addDelete = (role: Command): void => {
  role
    .command('delete')
    .description('delete a role; nobody has it any more')
    .argument('<role>', 'the name of a role')
    .option('--yes', 'confirm: it cannot be undone')
    .addHelpText('after', example('keywright role delete accountant --yes'))
    .action(async (key: string, options: { yes?: true }, command: Command) => {
      await confirmLoss(`Delete the role ${key}?`, options.yes)
      const { withCtx, deleteRole, operator } = await loadRoles()
      await withCtx(async (ctx) => {
        const { id } = await requireRole(ctx, key)
        accept(await deleteRole(ctx, { id }, operator))
      })
      print(command, { role: key, deleted: true }, `Deleted role ${key}.`)
    })
}
