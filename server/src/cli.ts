/**
 * Owns the command line's table of contents and its exit codes: 0 done, 1 refused with one sentence, 2 wrong usage.
 * Never loads the server before a command needs it. Start reading at `commandLine`.
 */
import { Command, CommanderError } from 'commander'
import { clientCommands } from './cli/client.ts'
import { sentenceOf, UsageError } from './cli/refusal.ts'
import { userCommands } from './cli/user.ts'
import { version } from './version.ts'

/** Builds the program. Nothing is opened or read until an action runs. */
export const commandLine = (): Command => {
  const program = new Command('keywright')
    .description('Keywright: an OAuth 2.0 and OpenID Connect server, and the commands that administer it.')
    .version(version)
    .option('--json', 'print the result as JSON')
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
  for (const add of groups) add(program)
  return program
}

const groups: readonly ((program: Command) => void)[] = [userCommands, clientCommands]

const run = async (): Promise<void> => {
  try {
    await commandLine().parseAsync()
  } catch (error) {
    process.exitCode = exitCodeOf(error)
    // Commander has said itself what was wrong with the line.
    if (!(error instanceof CommanderError)) process.stderr.write(`keywright: ${await sentenceOf(error)}\n`)
  }
}

const exitCodeOf = (error: unknown): number => {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  return error instanceof UsageError ? 2 : 1
}

await run()
