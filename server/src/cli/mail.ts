/** Owns the command that tries whether mail arrives. Start reading at `mailCommands`. */
import type { Command } from 'commander'
import { StartError } from '../config/start-error.ts'
import type { TestOutcome } from '../outbox/test-letter.ts'
import { load } from './load.ts'
import { example, print } from './output.ts'
import { accept } from './refusal.ts'

/** Adds `keywright mail …`. */
export const mailCommands = (program: Command): void => {
  program
    .command('mail')
    .description('mail to people')
    .command('test')
    .description('send a mail to an address and say what the mail server answered')
    .argument('<address>', 'who gets it')
    .addHelpText('after', example('keywright mail test you@example.com'))
    .action(async (address: string, _options: unknown, command: Command) => {
      const { withCtx, sendTestLetter } = await load(async () => await import('../outbox/test-letter.ts'))
      const [tried, hasServer] = await withCtx(async (ctx) => {
        const outcome = accept(await sendTestLetter(ctx, address))
        return [outcome, ctx.config.smtp_url !== undefined] as const
      })
      print(command, tried, showOutcome(tried, hasServer))
      if (hasServer && tried.outcome !== 'sent')
        throw new StartError(`The mail was not sent: ${tried.reason ?? 'no answer'}.`)
    })
}

const showOutcome = ({ to, outcome, reason }: TestOutcome, hasServer: boolean): string => {
  if (outcome === 'sent') return hasServer ? `The mail server took the mail to ${to}.` : `Sent to ${to}.`
  if (!hasServer)
    return `Queued. No mail server is set (KEYWRIGHT_SMTP_URL): in development the running server shows it at /dev/mail.`
  return `Not sent to ${to} so far: ${reason ?? 'no answer'}.`
}
