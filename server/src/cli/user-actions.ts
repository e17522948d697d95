/** Owns the commands that shut an account out, let it in again, and ask something of its next sign-in. */
import { Argument, type Command } from 'commander'
import type { RequiredAction } from '../factors/policy.ts'
import { confirmLoss } from './input.ts'
import { load } from './load.ts'
import { example, print } from './output.ts'
import { accept } from './refusal.ts'
import { userArgument, withAccount } from './user-account.ts'

/** Adds `keywright user disable|enable|lock|unlock`. */
export const addStatus = (user: Command): void => {
  const kinds = [
    {
      name: 'disable',
      status: 'disabled',
      about: 'end every session and token of an account and refuse it from now on',
    },
    {
      name: 'enable',
      status: 'active',
      about: 'let a disabled account sign in again; a deletion under way is called off',
    },
    {
      name: 'lock',
      status: 'locked',
      about: 'like disable, for an account that may be in the wrong hands',
    },
    {
      name: 'unlock',
      status: 'active',
      about: 'let a locked account sign in again',
    },
  ] as const
  for (const { name, status, about } of kinds) {
    user
      .command(name)
      .description(about)
      .argument('<user>', userArgument)
      .addHelpText('after', example(`keywright user ${name} ada@example.com`))
      .action(async (key: string, _options: unknown, command: Command) => {
        const user_id = await withAccount(key, async (ctx, account, { changeStatus }) => {
          if (account.status !== status) await changeStatus(ctx, account.id, status)
          return account.id
        })
        print(command, { user_id, status }, `Account ${user_id} is ${status}.`)
      })
  }
}

/** Adds `keywright user end-sessions|reset-factors|require-action|send-reset`. */
export const addActions = (user: Command): void => {
  for (const add of [addEndSessions, addResetFactors, addRequireAction, addSendReset]) add(user)
}

const addEndSessions = (user: Command): void => {
  user
    .command('end-sessions')
    .description('sign somebody out everywhere: sessions, refresh tokens and access tokens end at once')
    .argument('<user>', userArgument)
    .addHelpText('after', example('keywright user end-sessions ada@example.com'))
    .action(async (key: string, _options: unknown, command: Command) => {
      const user_id = await withAccount(key, async (ctx, account, { endSessions }) => {
        await endSessions(ctx, account.id)
        return account.id
      })
      print(command, { user_id }, `Signed ${user_id} out everywhere.`)
    })
}

const addResetFactors = (user: Command): void => {
  user
    .command('reset-factors')
    .description('take away authenticators, codes, backup codes and passkeys, and end every session')
    .argument('<user>', userArgument)
    .option('--yes', 'confirm: it cannot be undone')
    .addHelpText('after', example('keywright user reset-factors ada@example.com --yes'))
    .action(async (key: string, options: { yes?: true }, command: Command) => {
      await confirmLoss(`Take away every second step and passkey of ${key}?`, options.yes)
      const user_id = await withAccount(key, async (ctx, account, { resetFactors }) => {
        await resetFactors(ctx, account.id)
        return account.id
      })
      print(command, { user_id }, `Account ${user_id} has no second step and no passkey any more.`)
    })
}

const addSendReset = (user: Command): void => {
  user
    .command('send-reset')
    .description('send somebody a letter with which they choose a new password; nothing changes until they do')
    .argument('<user>', userArgument)
    .addHelpText('after', example('keywright user send-reset ada@example.com'))
    .action(async (key: string, _options: unknown, command: Command) => {
      const { sendReset } = await load(async () => await import('../recovery/by-admin.ts'))
      const { id, email } = await withAccount(key, async (ctx, account) => {
        accept(await sendReset(ctx, account))
        return account
      })
      print(command, { user_id: id, email }, `A letter is on its way to ${email}.`)
    })
}

const actions: readonly RequiredAction[] = ['verify_email', 'change_password', 'enrol_factor']

const addRequireAction = (user: Command): void => {
  user
    .command('require-action')
    .description('what has to be done before the next sign-in is complete; none named takes all back')
    .argument('<user>', userArgument)
    .addArgument(new Argument('[actions...]', 'what is due').choices(actions))
    .addHelpText('after', example('keywright user require-action ada@example.com change_password enrol_factor'))
    .action(async (key: string, required: RequiredAction[], _options: unknown, command: Command) => {
      const user_id = await withAccount(key, async (ctx, account, { requireActions }) => {
        await requireActions(ctx, account.id, required)
        return account.id
      })
      print(
        command,
        { user_id, required_actions: required },
        `Due for ${user_id}: ${required.join(', ') || 'nothing'}.`,
      )
    })
}
