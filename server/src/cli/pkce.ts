/** Owns `keywright pkce`: a code verifier with its challenge, for trying a flow by hand (RFC 7636 §4.1, §4.2). */
import type { Command } from 'commander'
import { secretText } from '../io/ids.ts'
import { challengeOf } from '../protocol/pkce.ts'
import { example, print, table } from './output.ts'
import { UsageError } from './refusal.ts'

/** Adds `keywright pkce`. */
export const pkceCommand = (program: Command): void => {
  program
    .command('pkce')
    .description('print a PKCE code verifier and its S256 challenge')
    .option('--verifier <text>', 'the challenge of this verifier instead of a new one')
    .addHelpText('after', example('keywright pkce'))
    .action((options: { verifier?: string }, command: Command) => {
      const code_verifier = options.verifier ?? secretText()
      const code_challenge = challengeOf(code_verifier)
      if (code_challenge === undefined)
        throw new UsageError('A verifier has 43 to 128 of A-Z a-z 0-9 - . _ ~ (RFC 7636 §4.1).')
      const pair = {
        code_verifier,
        code_challenge,
        code_challenge_method: 'S256',
      }
      print(command, pair, table(Object.entries(pair)))
    })
}
