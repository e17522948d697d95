/**
 * Owns the command line of the bench. Never measures. Start reading at `readOptions`.
 */
import { parseArgs } from 'node:util'
import { isRowId, type RowId, rowIds } from './row-ids.ts'

/** What to measure and how long. `seconds` is one window; each row has `rounds` of them for each server. */
export type Options = {
  ours: boolean
  peer: boolean
  quick: boolean
  limits: boolean
  seconds: number
  rounds: number
  connections: number
  rows: RowId[]
  json: string | undefined
  compare: string | undefined
}

export const usage = `npm run bench -- [options]
  --peer          also measure oidc-provider 9 on PostgreSQL, window by window in turn with Keywright
  --only-peer     measure oidc-provider alone
  --quick         one window of 1 s for each row instead of three of 3 s
  --limits        leave the request limits on, raised so far that the load does not meet them
  --rows a,b      only these rows: ${rowIds.join(', ')}
  --json FILE     write the results to FILE
  --compare FILE  print the ratio to the results in FILE, written earlier by --json
  -h, --help      print this`

/** Whether the arguments ask how the bench is used. */
export const asksForHelp = (args: readonly string[]): boolean => args.includes('--help') || args.includes('-h')

/** Reads the arguments; a sentence when they are wrong. */
export function readOptions(args: string[]): Options | string {
  const read = parse(args)
  if (typeof read === 'string') return read
  const names = read.rows === undefined ? [...rowIds] : read.rows.split(',').map((name) => name.trim())
  const unknown = names.filter((name) => !isRowId(name))
  if (unknown.length > 0 || names.length === 0)
    return `No such row: ${unknown.join(', ')}. There are: ${rowIds.join(', ')}.`
  const quick = read.quick ?? false
  const onlyPeer = read['only-peer'] ?? false
  return {
    ours: !onlyPeer,
    peer: onlyPeer || (read.peer ?? false),
    quick,
    limits: read.limits ?? false,
    seconds: quick ? 1 : 3,
    rounds: quick ? 1 : 3,
    connections: 32,
    rows: rowIds.filter((id) => names.includes(id)),
    json: read.json,
    compare: read.compare,
  }
}

function parse(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        peer: { type: 'boolean' },
        'only-peer': { type: 'boolean' },
        quick: { type: 'boolean' },
        limits: { type: 'boolean' },
        rows: { type: 'string' },
        json: { type: 'string' },
        compare: { type: 'string' },
      },
    }).values
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
