/**
 * Owns `keywright doctor`: every check in its order, one line each, and how to mend what is wrong. Changes nothing. Start
 * reading at `examine`.
 */
import type { Command } from 'commander'
import { StartError } from '../config/start-error.ts'
import type { Check } from './check.ts'
import { columns, example, print } from './output.ts'

/** Adds `keywright doctor`. */
export const doctorCommand = (program: Command): void => {
  program
    .command('doctor')
    .description('check settings, data folder, database, keys and address; exits with 1 when something is wrong')
    .addHelpText('after', example('keywright doctor'))
    .action(async (_options: unknown, command: Command) => {
      const checks = await examine()
      const failed = checks.filter(({ status }) => status === 'failed').map(({ check }) => check)
      print(command, { healthy: failed.length === 0, checks }, showChecks(checks))
      // Every problem of the settings is a check of its own.
      if (failed.length > 0) throw new StartError(`Something is wrong: ${[...new Set(failed)].join(', ')}.`)
    })
}

const examine = async (): Promise<Check[]> => {
  const [{ checkSettings, checkFolder, checkDisk }, { checkDatabase }, { checkAddress }, { checkMail }] =
    await Promise.all([
      import('./doctor-place.ts'),
      import('./doctor-database.ts'),
      import('./doctor-address.ts'),
      import('./doctor-mail.ts'),
    ])
  const { checks, config } = checkSettings()
  if (config === undefined) return checks
  const folder = checkFolder(config)
  // One after the other: the database may be an embedded one that is started for this.
  return [
    ...checks,
    ...folder,
    await checkDisk(config),
    ...(await checkDatabase(config)),
    ...(await checkAddress(config)),
    ...(await checkMail(config)),
  ]
}

const marks = { ok: 'ok', warning: 'warn', failed: 'FAIL', skipped: 'skip' } as const

/** The findings for a person. Pure. */
export const showChecks = (checks: readonly Check[]): string => {
  const lines = columns(
    ['', 'CHECK', 'FINDING'],
    checks.map(({ check, status, detail }) => [marks[status], check, detail]),
  ).split('\n')
  return [
    lines[0] ?? '',
    ...checks.flatMap(({ mend }, index) => [lines[index + 1] ?? '', ...(mend ? [`      → ${mend}`] : [])]),
  ].join('\n')
}
