/** Owns the commands about invitations, each of which is one operation of signup/invitations.ts. */
import type { Command } from 'commander'
import { StartError } from '../config/start-error.ts'
import { collect, numberBetween } from './input.ts'
import { load } from './load.ts'
import { columns, example, minuteOf, print } from './output.ts'
import { accept } from './refusal.ts'

/** Adds `keywright user invite|invitations|withdraw-invitation`. */
export const addInvitations = (user: Command): void => {
  for (const add of [addInvite, addList, addWithdraw]) add(user)
}

const loadInvitations = async () => await load(async () => await import('../signup/invitations.ts'))

type InviteOptions = { email: string; name?: string; role?: string[]; lang?: string; letter: boolean }

const addInvite = (user: Command): void => {
  user
    .command('invite')
    .description('invite somebody to have an account: they get a mail with a link that works for three days')
    .requiredOption('--email <address>', 'the address; only its person can accept')
    .option('--name <name>', 'their name, which they can change')
    .option('--role <role>', 'a role that they will have; may be repeated', collect)
    .option('--lang <language>', 'the language of the mail')
    .option('--no-letter', 'send no mail and print the link instead')
    .addHelpText('after', example('keywright user invite --email ada@example.com --role admin'))
    .action(async (options: InviteOptions, command: Command) => {
      const { withCtx, invite, invitationView } = await loadInvitations()
      const { email, name, role: roles = [], lang: locale, letter } = options
      const { view, link } = await withCtx(async (ctx) => {
        const made = accept(await invite(ctx, { email, name, roles, locale }, { letter }))
        return { view: invitationView(made.invitation, ctx.now()), link: made.link }
      })
      const text = link ?? `Invited ${view.email}. The mail goes out with the next round of the server.`
      print(command, { ...view, ...(link !== undefined && { link }) }, text)
    })
}

const addList = (user: Command): void => {
  user
    .command('invitations')
    .description('list invitations, newest first, and what became of them')
    .option('--limit <number>', 'how many at most', numberBetween(1, 1000), 100)
    .addHelpText('after', example('keywright user invitations'))
    .action(async ({ limit }: { limit: number }, command: Command) => {
      const { withCtx, listInvitations, invitationView } = await loadInvitations()
      const { rows, now } = await withCtx(async (ctx) => ({
        rows: await listInvitations(ctx.db, { limit }),
        now: ctx.now(),
      }))
      const views = rows.map((row) => invitationView(row, now))
      const lines = views.map((one) => [
        one.id,
        one.status,
        one.email,
        one.roles.join(' '),
        minuteOf(new Date(one.expires_at)),
      ])
      const text =
        views.length === 0 ? 'Nobody was invited.' : columns(['ID', 'STATUS', 'EMAIL', 'ROLES', 'EXPIRES'], lines)
      print(command, { invitations: views }, text)
    })
}

const addWithdraw = (user: Command): void => {
  user
    .command('withdraw-invitation')
    .description('make an open invitation worthless')
    .argument('<invitation>', 'the id of an invitation')
    .addHelpText('after', example('keywright user withdraw-invitation 0190f6a2-0000-7000-8000-000000000001'))
    .action(async (id: string, _options: unknown, command: Command) => {
      const { withCtx, withdrawInvitation } = await loadInvitations()
      const isDone = await withCtx(async (ctx) => await withdrawInvitation(ctx, id))
      if (!isDone) throw new StartError(`There is no open invitation ${id}.`)
      print(command, { id, withdrawn: true }, `Withdrew invitation ${id}.`)
    })
}
