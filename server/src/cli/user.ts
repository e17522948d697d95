/**
 * Owns the commands about people, each of which is one operation of users/. Never knows a rule about accounts. Start
 * reading at `userCommands`.
 */
import { type Command, Option } from 'commander'
import { StartError } from '../config/start-error.ts'
import { collect, confirmLoss, jsonObject, numberBetween, readPassword } from './input.ts'
import { example, print } from './output.ts'
import { accept, UsageError } from './refusal.ts'
import { loadUsers, userArgument, withAccount } from './user-account.ts'
import { addActions, addStatus } from './user-actions.ts'
import { addInvitations } from './user-invite.ts'
import { addExport, addImport } from './user-transfer.ts'
import { showUser, showUsers, userView } from './user-view.ts'

/** Adds `keywright user …`. */
export const userCommands = (program: Command): void => {
  const user = program.command('user').description('people and their accounts')
  for (const add of [
    addCreate,
    addList,
    addShow,
    addUpdate,
    addStatus,
    addActions,
    addPassword,
    addRoles,
    addDelete,
    addImport,
    addExport,
    addInvitations,
  ])
    add(user)
}

type CreateOptions = {
  email?: string
  username?: string
  name?: string
  passwordStdin?: true
  password?: false
  verified?: true
  role?: string[]
  claims?: Record<string, unknown>
}

const addCreate = (user: Command): void => {
  user
    .command('create')
    .description('create an account and print its id')
    .option('--email <address>', 'the address, which is also a sign-in name')
    .option('--username <name>', 'a sign-in name beside or instead of the address')
    .option('--name <name>', 'the name that applications show')
    .option('--password-stdin', 'read the password from standard input')
    .option('--no-password', 'an account that has no password')
    .option('--verified', 'the address is known to be theirs')
    .option('--role <role>', 'give a role; may be repeated', collect)
    .option('--claims <json>', 'claims of your own, as a JSON object', jsonObject)
    .addHelpText(
      'after',
      example('keywright user create --email ada@example.com --password-stdin --verified --role admin < password.txt'),
    )
    .action(async (options: CreateOptions, command: Command) => {
      const password = await readPassword(options)
      const { withCtx, registerUser } = await loadUsers()
      const { email, username, name, claims, role: roles = [], verified: email_verified = false } = options
      const registration = {
        email,
        username,
        name,
        password,
        roles,
        email_verified,
        ...(claims && { claims }),
      }
      const created = accept(await withCtx(async (ctx) => await registerUser(ctx, registration)))
      print(command, created, `Created account ${created.user_id}.`)
    })
}

type ListOptions = { limit: number; after?: string; query?: string; status?: string; role?: string }

const addList = (user: Command): void => {
  user
    .command('list')
    .description('list accounts, oldest first, or search them by the beginning of address, user name or name')
    .option('--limit <number>', 'how many at most', numberBetween(1, 1000), 100)
    .option('--after <user>', `go on after this account: ${userArgument}`)
    .option('--query <text>', 'only those whose address, user name or name begins so')
    .addOption(
      new Option('--status <status>', 'only those').choices(['active', 'disabled', 'locked', 'pending_erasure']),
    )
    .option('--role <role>', 'only those who have it')
    .addHelpText('after', example('keywright user list --query ada --limit 20'))
    .action(async (options: ListOptions, command: Command) => {
      const users = await findSome(options)
      print(command, { users: users.map(userView) }, showUsers(users))
    })
}

const findSome = async ({ limit, after: key, query: q, status, role }: ListOptions) => {
  const { withCtx, findAccount, listAccounts, searchUsers } = await loadUsers()
  return await withCtx(async (ctx) => {
    if (q !== undefined || status !== undefined || role !== undefined)
      return (await searchUsers(ctx, { q, status, role, limit }))?.users ?? []
    const after = key === undefined ? undefined : await findAccount(ctx, key)
    if (key !== undefined && after === undefined) throw new StartError(`There is no account ${key}.`)
    return await listAccounts(ctx, { limit, ...(after && { after }) })
  })
}

const addShow = (user: Command): void => {
  user
    .command('show')
    .description('show an account with its roles and permissions')
    .argument('<user>', userArgument)
    .addHelpText('after', example('keywright user show ada@example.com --json'))
    .action(async (key: string, _options: unknown, command: Command) => {
      const account = await withAccount(key, async (ctx, found, { createdAt }) => ({
        ...found,
        created_at: await createdAt(ctx, found),
      }))
      print(command, account, showUser(account))
    })
}

type UpdateOptions = Pick<CreateOptions, 'email' | 'username' | 'name' | 'claims'> & { verified?: boolean }

const addUpdate = (user: Command): void => {
  user
    .command('update')
    .description('change what an account says; what is not named stays')
    .argument('<user>', userArgument)
    .option('--email <address>', 'a new address; it counts as unproved unless --verified is said too')
    .option('--username <name>', 'a new user name')
    .option('--name <name>', 'a new name; empty takes it away')
    .option('--verified', 'the address is known to be theirs')
    .option('--no-verified', 'the address is not known to be theirs')
    .option('--claims <json>', 'replaces the claims of your own', jsonObject)
    .addHelpText('after', example('keywright user update ada@example.com --name "Ada Lovelace"'))
    .action(async (key: string, options: UpdateOptions, command: Command) => {
      const { email, username, name, claims, verified: email_verified } = options
      const change = { email, username, name, claims, email_verified }
      if (Object.values(change).every((value) => value === undefined)) throw new UsageError('Say what to change.')
      const user_id = await withAccount(key, async (ctx, account, { changeAccount }) => {
        accept(await changeAccount(ctx, account, change))
        return account.id
      })
      print(command, { user_id }, `Changed account ${user_id}.`)
    })
}

const addPassword = (user: Command): void => {
  user
    .command('set-password')
    .description('set a password; every session and token of the account ends')
    .argument('<user>', userArgument)
    .option('--password-stdin', 'read the password from standard input')
    .addHelpText('after', example('keywright user set-password ada@example.com --password-stdin < password.txt'))
    .action(async (key: string, options: { passwordStdin?: true }, command: Command) => {
      const password = await readPassword(options, true)
      const user_id = await withAccount(key, async (ctx, account, { setPassword }) => {
        accept(await setPassword(ctx, account, password ?? ''))
        return account.id
      })
      print(command, { user_id }, `Set the password of account ${user_id}.`)
    })
}

const addRoles = (user: Command): void => {
  user
    .command('roles')
    .description('give and take roles, and print the ones that are left')
    .argument('<user>', userArgument)
    .option('--add <role>', 'give a role; may be repeated', collect)
    .option('--remove <role>', 'take a role; may be repeated', collect)
    .addHelpText('after', example('keywright user roles ada@example.com --add admin --remove user'))
    .action(async (key: string, { add = [], remove = [] }: { add?: string[]; remove?: string[] }, command: Command) => {
      const after = await withAccount(key, async (ctx, account, { changeRoles, findAccount }) => {
        const missing = remove.find((role) => !account.roles.some((held) => held.toLowerCase() === role.toLowerCase()))
        if (missing !== undefined) throw new StartError(`Account ${account.id} does not have the role ${missing}.`)
        if (add.length + remove.length > 0) accept(await changeRoles(ctx, account.id, { add, remove }))
        return (await findAccount(ctx, account.id)) ?? account
      })
      print(command, { user_id: after.id, roles: after.roles }, after.roles.join('\n') || 'No role.')
    })
}

const addDelete = (user: Command): void => {
  user
    .command('delete')
    .description('delete an account with everything it has; its id is never given again')
    .argument('<user>', userArgument)
    .option('--yes', 'confirm: it cannot be undone')
    .addHelpText('after', example('keywright user delete ada@example.com --yes'))
    .action(async (key: string, options: { yes?: true }, command: Command) => {
      await confirmLoss(`Delete the account ${key} for good?`, options.yes)
      const user_id = await withAccount(key, async (ctx, account, { removeUser }) => {
        await removeUser(ctx, account.id)
        return account.id
      })
      print(command, { user_id, deleted: true }, `Deleted account ${user_id}.`)
    })
}
