/**
 * Owns one question: how long an administrator waits for a page of a million people. Starts a database of its own in a folder
 * that it removes again, fills it, asks each question many times and prints p50 and p99. `node bench/people.ts [how many] [folder]`:
 * a folder that is named is kept, and filled only once.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Ctx } from '../server/src/ctx.ts'
import { searchUsers, type SearchQuery } from '../server/src/users/search.ts'

const people = Number(process.argv[2] ?? 1_000_000)
const turns = 200
/** issue B: a search among a million people. */
const barMs = 50

/** Names as people have them, a few statuses, everybody a user and three in a hundred thousand an administrator. */
async function fill({ db }: Ctx): Promise<void> {
  const begun = performance.now()
  const size = 10_000
  for (let from = 0; from < people; from += size) {
    await db.begin(async (tx) => {
      await tx`set local statement_timeout = 0`
      await tx`
        insert into users (id, email, email_canonical, email_verified, username, name, status, created_at)
        select 'p' || n, lower(f) || '.' || lower(l) || n || '@example.com', lower(f) || '.' || lower(l) || n || '@example.com', true,
          case when n % 3 = 0 then lower(l) || n end, f || ' ' || l,
          case when n % 1000 = 0 then 'locked' when n % 400 = 0 then 'disabled' else 'active' end, now() - n * interval '1 minute'
        from (
          select n, (array['Ada','Alan','Grace','Edsger','Barbara','Donald','Tony','Frances','Ken','Radia'])[1 + n % 10] as f,
            (array['Lovelace','Turing','Hopper','Dijkstra','Liskov','Knuth','Hoare','Allen','Thompson','Perlman','Wirth'])[1 + n / 10 % 11] as l
          from generate_series(${from}::int, ${Math.min(from + size, people) - 1}::int) n) names`
      await tx`
        insert into user_roles (user_id, role_id)
        select 'p' || n, r.id from generate_series(${from}::int, ${Math.min(from + size, people) - 1}::int) n
          join roles r on r.name = 'user' or (r.name = 'admin' and n % 33333 = 0)`
    })
    process.stderr.write(`\r${Math.min(from + size, people)} people`)
  }
  await db.begin(async (tx) => {
    await tx`set local statement_timeout = 0`
    await tx`analyze users, user_roles`
  })
  process.stderr.write(`\r${people} people in ${((performance.now() - begun) / 1000).toFixed(0)} s\n`)
}

const questions: Record<string, Omit<SearchQuery, 'limit'>> = {
  'everybody, first page': {},
  'an address': { q: 'grace.hopper22@' },
  'the beginning of many addresses': { q: 'ada' },
  'one letter': { q: 'g' },
  'a family name (user names)': { q: 'knuth' },
  'the beginning of a name': { q: 'barbara l' },
  nobody: { q: 'zzz' },
  'locked accounts': { status: 'locked' },
  'accounts that leave (none)': { status: 'pending_erasure' },
  'locked accounts by a beginning': { status: 'locked', q: 'ada' },
  administrators: { role: 'admin' },
  'administrators by a beginning': { role: 'admin', q: 'ad' },
  'holders of the role of everybody': { role: 'user' },
  'a role that nobody holds': { role: 'nobody' },
}

async function report(ctx: Ctx): Promise<void> {
  const rows: string[][] = []
  for (const [name, query] of Object.entries(questions)) rows.push(await ask(ctx, name, { ...query, limit: 50 }))
  const second = await searchUsers(ctx, { q: 'ada', limit: 50 })
  rows.push(await ask(ctx, 'the second page of many addresses', { q: 'ada', limit: 50, cursor: second?.next }))
  console.log(['question', 'rows', 'p50 ms', 'p99 ms', `≤ ${barMs} ms`].join(' | '))
  for (const row of rows) console.log(row.join(' | '))
  if (rows.some((row) => row.at(-1) === 'NO')) process.exitCode = 1
}

async function ask(ctx: Ctx, name: string, query: SearchQuery): Promise<string[]> {
  const times: number[] = []
  let found = 0
  for (let turn = 0; turn < turns; turn += 1) {
    const begun = performance.now()
    const page = await searchUsers(ctx, query).catch((error: unknown) => {
      console.error(name, error)
      return undefined
    })
    times.push(performance.now() - begun)
    found = page?.users.length ?? -1
    if (performance.now() - begun > 1000) break
  }
  const sorted = times.toSorted((a, b) => a - b)
  const at = (part: number): number => sorted[Math.floor((sorted.length - 1) * part)] ?? 0
  return [name, String(found), at(0.5).toFixed(1), at(0.99).toFixed(1), at(0.99) <= barMs ? 'yes' : 'NO']
}

const named = process.argv[3]
const folder = named ?? mkdtempSync(join(tmpdir(), 'keywright-people-'))
process.env['KEYWRIGHT_DATA_DIR'] = folder
const { withCtx } = await import('../server/src/cli/open.ts')
try {
  await withCtx(
    async (ctx) => {
      const [some] = await ctx.db`select 1 from users where id = 'p1'`
      if (some === undefined) await fill(ctx)
      await report(ctx)
    },
    { mayBeFirst: true },
  )
} finally {
  if (named === undefined) rmSync(folder, { recursive: true, force: true })
}
