/** Owns `keywright explain`: the private reason of a refusal, in words. Start reading at `explain`. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import { StartError } from '../config/start-error.ts'
import type { Ctx } from '../ctx.ts'
import type { DecisionRow } from '../events/decisions.ts'
import type { similarDecisions } from '../events/similar-decisions.ts'
import { load } from './load.ts'
import { example, print, table } from './output.ts'

/** Adds `keywright explain`. */
export const explainCommand = (program: Command): void => {
  program
    .command('explain')
    .description('say why a request was refused: which check, what it expected, what came, how to mend it')
    .argument('<error_id>', 'from the answer, the error page or the log')
    .addHelpText('after', example('keywright explain err_0Wn2pYgJ3kQd'))
    .action(async (error_id: string, _options: unknown, command: Command) => {
      const { withCtx } = await load(async () => await import('../events/decisions.ts'))
      const found = await withCtx(async (ctx) => await find(ctx, error_id.trim()))
      print(command, found, explain(found))
    })
}

const find = async (ctx: Ctx, error_id: string): Promise<DecisionRow> => {
  const { findDecision } = await import('../events/decisions.ts')
  const isWhole = /^err_[0-9A-Za-z]{12}$/.test(error_id)
  // The servers write their records every 200 ms; a person may be faster.
  for (const waitMs of isWhole ? [0, 250, 500] : [0]) {
    await sleep(waitMs)
    const found = await findDecision(ctx.db, error_id)
    if (found) return found
  }
  throw new StartError(await suggestion(ctx, error_id))
}

const suggestion = async (ctx: Ctx, error_id: string): Promise<string> => {
  const similar = await import('../events/similar-decisions.ts')
  const found = await similar.similarDecisions(ctx.db, error_id, 3)
  return `There is no record ${error_id}: records stay for seven days in the database of the server that refused. ${showSimilar(found)}`
}

/** What stands here instead: a question only when an id is near the one that was typed. Pure. */
const showSimilar = ({ near, records }: Awaited<ReturnType<typeof similarDecisions>>): string => {
  if (records.length === 0) return 'There is none at all here.'
  const known = records.map((one) => `${one.error_id} (${one.error} at ${one.route}, ${one.at.toISOString()})`)
  return near ? `Did you mean ${known.join(', or ')}?` : `The newest here are: ${known.join(', ')}.`
}

/** A decision record in words. Pure. */
export const explain = (row: DecisionRow): string =>
  [
    `${row.error}: ${row.error_description}`,
    '',
    table([
      ['Check', row.rule],
      ['Expected', row.expected],
      ['Got', row.got],
      ['Remedy', row.remedy ?? 'Compare what was sent with what was expected.'],
      ['Route', row.route],
      ['Client', row.client_id],
      ['Time', row.at.toISOString()],
      ['Request id', row.request_id],
      ['Error id', row.error_id],
    ]),
  ].join('\n')
