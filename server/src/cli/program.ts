/**
 * Owns the command line's table of contents and its exit codes: 0 done, 1 refused with one sentence, 2 wrong usage.
 * Never loads the server before a command needs it. Start reading at `commandLine`.
 */
import { Command, CommanderError } from 'commander'
import { apiKeyCommands } from './api-key.ts'
import { auditCommands } from './audit.ts'
import { clientCommands } from './client.ts'
import { configCommands } from './config.ts'
import { groupCommands } from './group.ts'
import { keyCommands } from './keys.ts'
import { mailCommands } from './mail.ts'
import { operationCommands } from './operation.ts'
import { doctorCommand } from './doctor.ts'
import { explainCommand } from './explain.ts'
import { permissionCommands } from './permission.ts'
import { pkceCommand } from './pkce.ts'
import { sentenceOf, UsageError } from './refusal.ts'
import { roleCommands } from './role.ts'
import { serviceAccountCommands } from './service-account.ts'
import { tryCommand } from './try.ts'
import { userCommands } from './user.ts'
import { version } from '../version.ts'

/** Builds the program. Nothing is opened or read until an action runs. */
const commandLine = (): Command => {
  const program = new Command('keywright')
    .description('Keywright: an OAuth 2.0 and OpenID Connect server, and the commands that administer it.')
    // It is printed where the parser meets it, before it has read the rest of the line.
    .version(process.argv.includes('--json') ? JSON.stringify({ version }) : version, '--version')
    .option('--json', 'print the result as JSON')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'keywright: ')) })
    .exitOverride()
  for (const add of groups) add(program)
  return program
}

const groups: readonly ((program: Command) => void)[] = [
  operationCommands,
  userCommands,
  roleCommands,
  permissionCommands,
  groupCommands,
  serviceAccountCommands,
  clientCommands,
  apiKeyCommands,
  keyCommands,
  auditCommands,
  mailCommands,
  configCommands,
  doctorCommand,
  explainCommand,
  tryCommand,
  pkceCommand,
]

/** Runs the command of this process's arguments and sets the exit code. */
export const run = async (): Promise<void> => {
  // `keywright user list | head -1`: whoever reads has seen enough.
  process.stdout.on('error', () => process.exit())
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
