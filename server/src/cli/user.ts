/** Owns the commands about people. Each is one operation of users/. */
import type { Command } from 'commander'
import { collect, jsonObject, readPassword } from './input.ts'
import { print } from './output.ts'
import { accept } from './refusal.ts'

/** Adds `keywright user …`. */
export const userCommands = (program: Command): void => {
  const user = program.command('user').description('people and their accounts')
  addCreate(user)
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
      '\nExample:\n  echo "correct horse battery" | keywright user create --email ada@example.com --password-stdin --verified --role admin',
    )
    .action(async (options: CreateOptions, command: Command) => {
      const password = await readPassword(options)
      const [{ withCtx }, { registerUser }] = await Promise.all([import('./open.ts'), import('../users/manage.ts')])
      const { email, username, name, claims, role: roles = [], verified = false } = options
      const registration = {
        email,
        username,
        name,
        password,
        roles,
        email_verified: verified,
        ...(claims && { claims }),
      }
      const created = accept(await withCtx(async (ctx) => await registerUser(ctx, registration)))
      print(command, created, `Created account ${created.user_id}.`)
    })
}
