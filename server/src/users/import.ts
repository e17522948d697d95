/**
 * Owns the taking over of people from other systems: subject ids, password hashes and authenticator secrets are kept, so
 * that nobody notices the move. Batch by batch, each whole in a transaction; a dry run writes nothing. Start reading at
 * `importUsers`.
 */
import { assignKnownRoles, findRoleNames } from '../access/roles.ts'
import type { Ctx } from '../ctx.ts'
import type { Tx } from '../db/connect.ts'
import { transact } from '../db/transact.ts'
import { actedBy, type By, record } from '../events/record.ts'
import { adoptTotp } from '../factors/totp.ts'
import { uuidv7 } from '../io/ids.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { shownEmail } from './identifier.ts'
import { adoptHash } from './import-hash.ts'
import { type ImportRecord, readRecord } from './import-record.ts'
import { insertMany, insertPasswords } from './import-store.ts'
import type { NewUser } from './store.ts'

/** A record as it was read, and where it stood, for the report. */
export type Line = { line: number; value: unknown }
export type ImportOptions = {
  dry_run: boolean
  /** An account that is there already: an error, or passed over. */
  existing: 'refuse' | 'skip'
  /** Refuses roles that whoever imports may not give; the operator may give all. */
  mayGive: (roles: readonly string[]) => Promise<Denial | undefined>
  by: By
  /** Told after each batch how many records were looked at. */
  progress?: (done: number) => void
}
export type Problem = { line: number; code: string; detail: string }
/** What came of an import: the first hundred problems are told one by one. */
export type Report = { created: number; skipped: number; failed: number; problems: Problem[]; dry_run: boolean }

const batchSize = 200
const mostProblems = 100

/** Imports records one batch after the other. Throws Unavailable when hashes cannot be wrapped for want of room. */
export const importUsers = async (ctx: Ctx, lines: AsyncIterable<Line>, options: ImportOptions): Promise<Report> => {
  const report: Report = { created: 0, skipped: 0, failed: 0, problems: [], dry_run: options.dry_run }
  let done = 0
  for await (const batch of batches(lines)) {
    await importBatch(ctx, batch, { options, report })
    done += batch.length
    options.progress?.(done)
  }
  return report
}

async function* batches(lines: AsyncIterable<Line>): AsyncGenerator<Line[]> {
  let batch: Line[] = []
  for await (const line of lines) {
    batch.push(line)
    if (batch.length < batchSize) continue
    yield batch
    batch = []
  }
  if (batch.length > 0) yield batch
}

type Ready = { line: number; id: string; record: ImportRecord; password_hash: string | undefined }
type State = { options: ImportOptions; report: Report }

const importBatch = async (ctx: Ctx, batch: readonly Line[], state: State): Promise<void> => {
  const now = ctx.now()
  const ready: Ready[] = []
  for (const { line, value } of batch) {
    const prepared = await prepare(ctx, value, { line, now, options: state.options })
    if (isDenial(prepared)) note(state.report, line, prepared)
    // The second of two records with one id is as late as one whose account is there: nothing of it goes to the first.
    else if (ready.some(({ id }) => id === prepared.id)) count(state, line, false)
    else ready.push(prepared)
  }
  const written = await transact(ctx.db, async (tx) => {
    const created = await write(ctx, tx, ready, { now, by: state.options.by })
    const told = actedBy(state.options.by, { count: created.size })
    if (created.size > 0) await record(tx, { type: 'users.imported', now, ...told })
    if (state.options.dry_run) throw new Rehearsed(created)
    return created
  }).catch((error: unknown) => {
    if (error instanceof Rehearsed) return error.created
    throw error
  })
  for (const { line, id } of ready) count(state, line, written.has(id))
}

const count = ({ options, report }: State, line: number, isNew: boolean): void => {
  if (isNew) report.created += 1
  else if (options.existing === 'skip') report.skipped += 1
  else note(report, line, taken)
}

const note = (report: Report, line: number, denial: Denial): void => {
  report.failed += 1
  if (report.problems.length < mostProblems)
    report.problems.push({ line, code: denial.error, detail: denial.error_description })
}

/** Everything that needs no transaction: the record itself, the roles, the hash. */
const prepare = async (
  ctx: Ctx,
  value: unknown,
  { line, now, options }: { line: number; now: Date; options: ImportOptions },
): Promise<Ready | Denial> => {
  const read = readRecord(value)
  if (isDenial(read)) return read
  const roles = read.roles ?? []
  const known = await findRoleNames(ctx.db, roles)
  const unknown = roles.find((role) => !known.has(role.toLowerCase()))
  if (unknown !== undefined) return unknownRole(unknown)
  const refused = await options.mayGive(roles)
  if (refused) return refused
  const password_hash = read.password_hash === undefined ? undefined : await adoptHash(ctx, read.password_hash)
  if (isDenial(password_hash)) return password_hash
  return { line, id: read.id ?? uuidv7(now), record: read, password_hash }
}

const write = async (
  ctx: Ctx,
  tx: Tx,
  ready: readonly Ready[],
  { now, by }: { now: Date; by: By },
): Promise<Set<string>> => {
  if (ready.length === 0) return new Set()
  const created = await insertMany(
    tx,
    ready.map((one) => rowOf(one, now)),
  )
  const made = ready.filter(({ id }) => created.has(id))
  await insertPasswords(
    tx,
    made.flatMap(({ id: user_id, password_hash }) =>
      password_hash === undefined ? [] : [{ user_id, password_hash, changed_at: now }],
    ),
  )
  for (const { id, record: one } of made) {
    await assignKnownRoles(tx, id, one.roles ?? [])
    if (one.totp_secret !== undefined) await adoptTotp(ctx, tx, { user_id: id, secret: one.totp_secret, now })
    const told = actedBy(by, { imported: true, roles: one.roles ?? [] })
    await record(tx, { type: 'user.created', now, user_id: id, ...told })
  }
  return created
}

const rowOf = ({ id, record: one }: Ready, now: Date): NewUser => ({
  id,
  username: one.username_canonical,
  email: one.email === undefined ? null : shownEmail(one.email),
  email_canonical: one.email_canonical,
  email_verified: one.email_verified ?? false,
  name: one.name ?? null,
  given_name: one.given_name ?? null,
  family_name: one.family_name ?? null,
  picture: one.picture ?? null,
  locale: one.locale ?? null,
  zoneinfo: one.zoneinfo ?? null,
  phone_number: one.phone_number ?? null,
  phone_number_verified: one.phone_number_verified ?? false,
  claims: one.claims ?? {},
  status: one.status ?? 'active',
  required_actions: one.required_actions ?? [],
  created_at: one.created_at ?? now,
  updated_at: now,
})

/** Carries what a dry run would have made out of the transaction that it rolls back. */
class Rehearsed extends Error {
  override name = 'Rehearsed'
  readonly created: Set<string>
  constructor(created: Set<string>) {
    super('dry run')
    this.created = created
  }
}

const taken: Denial = deny('already_exists', 'There is an account with this id, address or name already.', {
  rule: 'ids, addresses and user names are unique, and ids are never given twice',
  expected: 'free ones',
  got: 'one that is taken',
})

const unknownRole = (role: string): Denial =>
  deny('unknown_role', `There is no role ${role}.`, {
    rule: 'roles exist',
    expected: 'a role of this deployment',
    got: role,
  })
