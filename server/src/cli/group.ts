/** Owns the commands about groups, each of which is one operation of access/. Start reading at `groupCommands`. */
import type { Command } from 'commander'
import { groupArgument, requireGroup } from './access-named.ts'
import { collect, confirmLoss } from './input.ts'
import { load } from './load.ts'
import { columns, example, print } from './output.ts'
import { accept, UsageError } from './refusal.ts'
import { requireAccount, userArgument } from './user-account.ts'

/** Adds `keywright group …`. */
export const groupCommands = (program: Command): void => {
  const group = program.command('group').description('groups: who is in them, and the roles that they carry')
  for (const add of [addList, addCreate, addUpdate, addMembers, addDelete]) add(group)
}

const loadGroups = async () =>
  await load(async () => ({
    ...(await import('../access/groups.ts')),
    ...(await import('../access/assign.ts')),
    ...(await import('../access/change.ts')),
    ...(await import('../access/views.ts')),
  }))

const addList = (group: Command): void => {
  group
    .command('list')
    .description('list groups with their roles')
    .option('--query <text>', 'only those with this in their name')
    .addHelpText('after', example('keywright group list'))
    .action(async ({ query: q }: { query?: string }, command: Command) => {
      const { withCtx, listGroups, groupView } = await loadGroups()
      const groups = (await withCtx(async (ctx) => await listGroups(ctx.db, { limit: 10_000, q }))).map(groupView)
      const nameOf = (id: string | null): string => groups.find((one) => one.id === id)?.name ?? id ?? ''
      const rows = groups.map(({ id, name, parent_id, roles }) => [
        id,
        name,
        nameOf(parent_id),
        roles.map((role) => role.name).join(' '),
      ])
      print(command, { groups }, columns(['ID', 'NAME', 'UNDER', 'ROLES'], rows))
    })
}

const addCreate = (group: Command): void => {
  group
    .command('create')
    .description('make a group')
    .argument('<group>', 'its name')
    .option('--description <text>', 'what it is for')
    .option('--under <group>', `the group above it: ${groupArgument}`)
    .addHelpText('after', example('keywright group create accounting --under staff'))
    .action(async (name: string, options: { description?: string; under?: string }, command: Command) => {
      const { description, under } = options
      const { withCtx, createGroup, groupView, operator } = await loadGroups()
      const made = await withCtx(async (ctx) => {
        const parent_id = under === undefined ? null : (await requireGroup(ctx, under)).id
        return accept(await createGroup(ctx, { name, description, parent_id }, operator))
      })
      print(command, groupView(made), `Created group ${made.name}, ${made.id}.`)
    })
}

type UpdateOptions = { name?: string; description?: string; under?: string; top?: true }

const addUpdate = (group: Command): void => {
  group
    .command('update')
    .description('change a group, or put it under another one')
    .argument('<group>', groupArgument)
    .option('--name <name>', 'another name')
    .option('--description <text>', 'what it is for; empty takes it away')
    .option('--under <group>', `the group above it: ${groupArgument}`)
    .option('--top', 'no group above it')
    .addHelpText('after', example('keywright group update accounting --under finance'))
    .action(async (key: string, options: UpdateOptions, command: Command) => {
      const { name, description, under, top } = options
      if (Object.keys(options).length === 0) throw new UsageError('Say what to change.')
      if (under !== undefined && top) throw new UsageError('Say either --under or --top.')
      const { withCtx, changeGroup, groupView, operator } = await loadGroups()
      const after = await withCtx(async (ctx) => {
        const { id } = await requireGroup(ctx, key)
        const above = under === undefined ? undefined : (await requireGroup(ctx, under)).id
        const parent_id = top ? null : above
        const wish = { name, description: description === '' ? null : description, parent_id }
        return accept(await changeGroup(ctx, { id, wish }, operator))
      })
      print(command, groupView(after), `Changed group ${after.name}.`)
    })
}

const addMembers = (group: Command): void => {
  group
    .command('members')
    .description('put accounts into a group and take them out, and print who is in it: the first ten thousand')
    .argument('<group>', groupArgument)
    .option('--add <user>', `an account: ${userArgument}; may be repeated`, collect)
    .option('--remove <user>', `an account: ${userArgument}; may be repeated`, collect)
    .addHelpText('after', example('keywright group members accounting --add ada@example.com'))
    .action(async (key: string, { add = [], remove = [] }: { add?: string[]; remove?: string[] }, command: Command) => {
      const { withCtx, changeMembership, listMembers, memberView, operator } = await loadGroups()
      const members = await withCtx(async (ctx) => {
        const { id: group_id } = await requireGroup(ctx, key)
        const change = async (user: string, joins: boolean): Promise<void> => {
          const { id: user_id } = await requireAccount(ctx, user)
          accept(await changeMembership(ctx, { user_id, group_id, joins }, operator))
        }
        for (const one of add) await change(one, true)
        for (const one of remove) await change(one, false)
        return (await listMembers(ctx.db, group_id, { limit: 10_000, after: undefined })).map(memberView)
      })
      const rows = members.map(({ id, kind, email, username, name }) => [id, kind, email ?? username ?? '', name ?? ''])
      print(command, { members }, rows.length === 0 ? 'Nobody.' : columns(['ID', 'KIND', 'LOGIN', 'NAME'], rows))
    })
}

const addDelete = (group: Command): void => {
  group
    .command('delete')
    .description('delete a group that has none below it')
    .argument('<group>', groupArgument)
    .option('--yes', 'confirm: it cannot be undone')
    .addHelpText('after', example('keywright group delete accounting --yes'))
    .action(async (key: string, options: { yes?: true }, command: Command) => {
      await confirmLoss(`Delete the group ${key}?`, options.yes)
      const { withCtx, deleteGroup, operator } = await loadGroups()
      await withCtx(async (ctx) => {
        const { id } = await requireGroup(ctx, key)
        accept(await deleteGroup(ctx, { id }, operator))
      })
      print(command, { group: key, deleted: true }, `Deleted group ${key}.`)
    })
}
