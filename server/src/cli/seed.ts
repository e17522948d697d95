/** Owns the command that a deployment's script runs before or beside the server, as often as it likes. */
import type { Command } from 'commander'
import type { SeededAdmin } from '../operations/seed-admin.ts'
import { readPassword } from './input.ts'
import { load } from './load.ts'
import { example, print, table } from './output.ts'
import { accept, UsageError } from './refusal.ts'

/** `adminPasswordStdin` says that the password comes on standard input: it is never an argument, which others can read. */
type Options = { demo?: true; adminEmail?: string; adminPasswordStdin?: true }

type Seeded = SeededAdmin | { setup_link: string | undefined }

/** Adds `keywright seed`. */
export const addSeed = (program: Command): void => {
  program
    .command('seed')
    .description(
      'write what every deployment starts with: permissions, roles, an administrator or a link for the first',
    )
    .option('--demo', 'a demo client too')
    .option(
      '--admin-email <address>',
      'see to it that this account is an administrator; one that is there stays as it is; without a password a one-time link is made, as long as nobody is administrator',
    )
    .option('--admin-password-stdin', 'read its password from standard input')
    .addHelpText(
      'after',
      example(
        'keywright seed --demo',
        'keywright seed --admin-email ada@example.com --admin-password-stdin < password.txt',
      ),
    )
    .action(async (options: Options, command: Command) => {
      const { adminEmail: email, adminPasswordStdin: passwordStdin } = options
      if (passwordStdin && email === undefined) throw new UsageError('Say whose password it is, with --admin-email.')
      const password = passwordStdin ? await readPassword({ passwordStdin }) : undefined
      const { withCtx, seed, demoClientId, seedAdmin, createSetupLink } = await loadSeed()
      const seeded = await withCtx(
        async (ctx): Promise<Seeded> => {
          await seed(ctx, { demo: options.demo === true })
          if (email === undefined) return { setup_link: await createSetupLink(ctx) }
          return accept(await seedAdmin(ctx, { email, password }))
        },
        { mayBeFirst: true },
      )
      const demo = options.demo ? { demo_client_id: demoClientId } : {}
      show(command, { email, seeded, demo })
    })
}

type Outcome = { email: string | undefined; seeded: Seeded; demo: { demo_client_id?: string } }

const show = (command: Command, { email, seeded, demo }: Outcome): void => {
  const admin = 'user_id' in seeded ? seeded : undefined
  const setup_link = 'setup_link' in seeded ? seeded.setup_link : undefined
  const result = {
    administrator_exists: setup_link === undefined,
    ...(setup_link && { setup_link }),
    ...(admin && { administrator: { ...admin, email } }),
    ...demo,
  }
  const rows: [string, string | undefined][] = [
    ['Roles', 'admin, editor, user, viewer'],
    ['Demo client', demo.demo_client_id],
    ['First admin', admin ? undefined : firstAdmin(setup_link)],
    ['Administrator', admin && `${email ?? ''} ${admin.created ? '(made now)' : '(there already, left as it is)'}`],
  ]
  print(command, result, table(rows))
}

const loadSeed = async () =>
  await load(async () => ({
    ...(await import('../operations/seed.ts')),
    ...(await import('../operations/seed-admin.ts')),
    ...(await import('../operations/setup.ts')),
  }))

const firstAdmin = (setup_link: string | undefined): string =>
  setup_link === undefined ? 'an administrator exists' : `${setup_link} (one-time link, 24 hours)`
