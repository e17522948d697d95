/**
 * Owns whether an audit trail is whole: nothing changed, removed, added, moved or cut off at its end. Pure: it is fed with
 * rows and checkpoints in their order, from a database or from a file, and needs no secret. Start reading at `createVerifier`.
 */
import type { KeyObject } from 'node:crypto'
import { type ChainRow, dataHash, genesis, linkHash, originHash } from '../events/chain.ts'
import { isSigned, type SignedCheckpoint } from './signature.ts'

/** What is wrong first. `until`: the trail was written anew somewhere from `seq` up to there. */
export type Problem = { seq: number; until?: number; kind: Kind; text: string }
type Kind = 'changed' | 'missing' | 'out_of_order' | 'rewritten' | 'checkpoint' | 'blanked'

export type Verdict = {
  valid: boolean
  /** Rows that were read, up to the problem. */
  rows: number
  first_seq: number | null
  last_seq: number | null
  checkpoints: number
  /** Rows whose personal data was forgotten. */
  forgotten: number
  problem: Problem | null
}

type State = {
  known: ReadonlyMap<number, SignedCheckpoint[]>
  previous: string | undefined
  anchored: boolean
  first: number | undefined
  last: number | undefined
  sure: number
  rows: number
  checkpoints: number
  forgotten: Map<string, number>
  forgottenRows: number
  problem: Problem | undefined
}

export type Verifier = {
  /** Where the trail to come begins: the row before it, for one that is not read from its beginning. */
  anchor: (seq: number, hash: string) => void
  /** Checks the next row. False when nothing further needs to be read. */
  row: (row: ChainRow) => boolean
  /** Ends the reading. `head`: the last row that must be there; `wanted`: the first one. */
  end: (ends?: { head?: number; wanted?: number }) => Verdict
  /** Of rows with forgotten data: the ids of whom one must have been erased (as a JSON list), and the first such row. */
  forgotten: ReadonlyMap<string, number>
}

/** Makes one. `checkpoints`: whatever is known, from the trail itself and from elsewhere; each is checked with `key`. */
export const createVerifier = (key: KeyObject, checkpoints: Iterable<SignedCheckpoint>): Verifier => {
  const state = begin(groupBySeq(checkpoints))
  // A forged one is told before anything else: nothing can be measured by it.
  const forged = [...state.known.values()].flat().find((one) => !isSigned(one, key))
  if (forged !== undefined) state.problem = unsigned(forged.checkpoint.seq)
  return {
    forgotten: state.forgotten,
    anchor: (seq, hash) => {
      Object.assign(state, { previous: hash, last: seq, anchored: true })
      state.problem ??= meet(state, seq, hash)
    },
    row: (row) => {
      state.problem ??= placeProblem(state, row.seq) ?? contentProblem(state, row) ?? follow(state, row)
      return state.problem === undefined
    },
    end: ({ head = 0, wanted = 1 } = {}) => {
      state.problem ??= endProblem(state, { head, wanted })
      return verdictOf(state)
    },
  }
}

/** Compares with the checkpoints of this row. */
const meet = (state: State, seq: number, hash: string): Problem | undefined => {
  const met = state.known.get(seq) ?? []
  state.checkpoints += met.length
  if (met.some(({ checkpoint }) => checkpoint.hash !== hash)) return rewritten(state.sure + 1, seq)
  if (met.length > 0) state.sure = seq
  return undefined
}

const endProblem = (state: State, { head, wanted }: { head: number; wanted: number }): Problem | undefined => {
  const newest = [...state.known.keys()].reduce((one, other) => Math.max(one, other), head)
  const next = (state.last ?? wanted - 1) + 1
  if (newest >= next) return missing(next, 'the trail goes on after the last row')
  if (state.first === undefined || state.first <= wanted || state.anchored) return undefined
  return missing(wanted, 'rows at the beginning are gone, and no row says that they were removed in time')
}

const begin = (known: State['known']): State => ({
  known,
  previous: undefined,
  anchored: false,
  first: undefined,
  last: undefined,
  sure: 0,
  rows: 0,
  checkpoints: 0,
  forgotten: new Map(),
  forgottenRows: 0,
  problem: undefined,
})

const groupBySeq = (checkpoints: Iterable<SignedCheckpoint>): Map<number, SignedCheckpoint[]> => {
  const known = new Map<number, SignedCheckpoint[]>()
  for (const one of checkpoints) known.set(one.checkpoint.seq, [...(known.get(one.checkpoint.seq) ?? []), one])
  return known
}

/** Whether a row stands where it must. The first one that is read may follow a checkpoint. */
const placeProblem = (state: State, seq: number): Problem | undefined => {
  if (state.last === undefined) {
    const anchor = seq === 1 ? genesis : state.known.get(seq - 1)?.[0]?.checkpoint.hash
    if (anchor === undefined)
      return missing(1, `the trail begins with row ${seq}, and no checkpoint says what was before`)
    state.previous = anchor
    return undefined
  }
  const expected = state.last + 1
  if (seq > expected) return missing(expected, `row ${expected} is not there, ${seq} follows`)
  if (seq === expected) return undefined
  return { seq, kind: 'out_of_order', text: `row ${seq} stands where row ${expected} must be: it was added or moved` }
}

const contentProblem = ({ previous = genesis }: State, row: ChainRow): Problem | undefined => {
  const changed = (what: string): Problem => ({ seq: row.seq, kind: 'changed', text: `row ${row.seq}: ${what}` })
  if (linkHash(previous, row) !== row.hash) return changed('it, or its place, was changed')
  const { origin_salt, origin_hash, data_salt, data_hash, ip, user_agent, data } = row
  const origin = origin_salt === null ? undefined : originHash(origin_salt, row)
  if (origin === undefined ? ip !== null || user_agent !== null : origin !== origin_hash)
    return changed('its address or browser was changed')
  const details = data_salt === null ? undefined : dataHash(data_salt, row)
  if (details === undefined ? Object.keys(data).length > 0 : details !== data_hash)
    return changed('its details were changed')
  return undefined
}

/** Goes on to the next row. */
const follow = (state: State, row: ChainRow): Problem | undefined => {
  state.previous = row.hash
  state.first ??= row.seq
  state.last = row.seq
  state.rows += 1
  if (isForgotten(row)) remember(state, row)
  return meet(state, row.seq, row.hash)
}

const isForgotten = (row: ChainRow): boolean =>
  (row.origin_salt === null && row.origin_hash !== null) || (row.data_salt === null && row.data_hash !== null)

/** Details are forgotten with the person they are about, an address also with the administrator whose it was. */
const remember = (state: State, row: ChainRow): void => {
  state.forgottenRows += 1
  const detailsGone = row.data_salt === null && row.data_hash !== null
  const whose = JSON.stringify(detailsGone ? [row.user_id] : [row.user_id, row.actor_id])
  if (!state.forgotten.has(whose)) state.forgotten.set(whose, row.seq)
}

const missing = (seq: number, text: string): Problem => ({ seq, kind: 'missing', text })

const unsigned = (seq: number): Problem => ({
  seq,
  kind: 'checkpoint',
  text: `the checkpoint of row ${seq} bears no signature of this key`,
})

const rewritten = (seq: number, until: number): Problem => ({
  seq,
  until,
  kind: 'rewritten',
  text: `rows from ${seq} to ${until} are not those of the checkpoint of row ${until}: they were written anew`,
})

const verdictOf = (state: State): Verdict => ({
  valid: state.problem === undefined,
  rows: state.rows,
  first_seq: state.first ?? null,
  last_seq: state.rows === 0 ? null : (state.last ?? null),
  checkpoints: state.checkpoints,
  forgotten: state.forgottenRows,
  problem: state.problem ?? null,
})
