/**
 * Security rule LI-1 by the clock: whoever is named at POST /login, a refusal takes the same time, also where accounts
 * of other systems have hashes of their own cost (docs/adr/0012).
 */
import { hash as bcrypt } from '@node-rs/bcrypt'
import { beforeAll, expect, it } from 'vitest'
import { type House, openHouse, type Person, typePassword } from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'
import { keepPasskey, softPasskey } from '../support/passkey.ts'

const free = 19
let house: House
let ada: Person
let foreignHash: string

beforeAll(async () => {
  // As many free tries as there can be: the throttle would be faster than any of them.
  house = await openHouse({ env: { KEYWRIGHT_THROTTLE_FREE: String(free + 1) } })
  ada = await house.person()
  // A third of the time of our own hash: many times what may be told.
  foreignHash = await bcrypt('a password of the old system', { cost: 6 })
})

const kinds = ['unknown', 'wrong', 'disabled', 'foreign', 'passkey'] as const
type Kind = (typeof kinds)[number]
let made = 0

/** An account of a kind with the password that is tried on it: the right one only where its state refuses it. */
const account = async (kind: Kind): Promise<{ email: string; password: string }> => {
  const email = `${kind.slice(0, 5)}${String((made += 1)).padStart(5, '0')}@people.example`
  const password = kind === 'disabled' ? ada.password : 'not the password'
  if (kind === 'unknown') return { email, password }
  const id = `timed-${made}`
  const status = kind === 'disabled' ? 'disabled' : 'active'
  await house.sql`insert into users (id, email, email_canonical, status) values (${id}, ${email}, ${email}, ${status})`
  if (kind !== 'passkey') {
    const own = house.sql`(select password_hash from password_credentials where user_id = ${ada.user_id})`
    await house.sql`
      insert into password_credentials (user_id, password_hash)
      values (${id}, ${kind === 'foreign' ? foreignHash : own})`
  } else {
    await keepPasskey(house.ctx, id, { passkey: softPasskey({ issuer: house.server.issuer }) })
  }
  return { email, password }
}

type Timed = { median: number; margin: number }

/** The median, and how far it may be off: the 95 % interval by ranks, which assumes nothing of how times are spread. */
const summary = (times: readonly number[]): Timed => {
  const sorted = times.toSorted((a, b) => a - b)
  const at = (place: number): number => sorted[Math.min(sorted.length - 1, Math.max(0, Math.round(place)))] ?? 0
  const [middle, off] = [(sorted.length - 1) / 2, Math.sqrt(sorted.length)]
  return { median: at(middle), margin: (at(middle + off) - at(middle - off)) / 2 }
}

const measured = new Map<string, number[]>()

const time = async (name: string, work: () => Promise<Reply>): Promise<void> => {
  const begun = performance.now()
  const { status } = await work()
  const took = performance.now() - begun
  expect(status).toBe(401)
  measured.set(name, [...(measured.get(name) ?? []), took])
}

/** One round: fresh accounts, each kind in turn, in another order each time, so that a busy machine slows all of them down. */
const round = async (client: HttpClient, page: Reply): Promise<void> => {
  const accounts = await Promise.all(kinds.map(async (kind) => ({ kind, ...(await account(kind)) })))
  for (let turn = 0; turn < free; turn += 1) {
    const first = Math.floor(Math.random() * kinds.length)
    for (const { kind, email, password } of [...accounts.slice(first), ...accounts.slice(0, first)])
      await time(kind, async () => await typePassword(client, page, email, password))
  }
  // What is too long to try is refused without a hash: the rest is the time of everything else.
  const { email } = await account('unknown')
  for (let turn = 0; turn < 4; turn += 1)
    await time('none', async () => await typePassword(client, page, email, 'x'.repeat(5000)))
}

type Figures = { hashMs: number; medians: Record<string, number>; worst: number; certain: number }

/** Differences to a wrong password, in parts of the hash time. `certain` is what is left of the worst without the noise. */
const figures = (): Figures => {
  const of = (name: string): Timed => summary(measured.get(name) ?? [])
  const wrong = of('wrong')
  const hashMs = wrong.median - of('none').median
  const compared = kinds
    .filter((kind) => kind !== 'wrong')
    .map((kind) => {
      const other = of(kind)
      const gap = Math.abs(other.median - wrong.median)
      return { kind, gap: gap / hashMs, sure: (gap - Math.hypot(other.margin, wrong.margin)) / hashMs }
    })
  return {
    hashMs: Number(hashMs.toFixed(2)),
    medians: Object.fromEntries(compared.map(({ kind, gap }) => [kind, Number(gap.toFixed(4))])),
    worst: Math.max(...compared.map(({ gap }) => gap)),
    certain: Math.max(...compared.map(({ sure }) => sure)),
  }
}

const allowed = 0.05
const wantedSamples = 500
const patienceMs = 60_000
/** How long for 500 samples, on a machine that has other things to do: after that those that there are must do. */
const endMs = 150_000

it('LI-1: unknown, wrong, disabled, foreign and without a password: medians within 5 % of the hash time over 500 samples', async () => {
  const client = house.server.client()
  const page = await client.get('/login')
  const begun = performance.now()
  // The server learns within ten seconds which kinds of hash there are; here before the first try.
  await account('foreign')
  await typePassword(client, page, (await account('unknown')).email, 'a first one, to warm up')
  for (;;) {
    // Two people at a time: sign-ins that run beside each other must not tell either.
    await Promise.all([round(client, page), round(client, page)])
    const [samples, elapsed] = [measured.get('wrong')?.length ?? 0, performance.now() - begun]
    if (samples >= wantedSamples && (figures().worst < allowed || elapsed > patienceMs)) break
    if (elapsed > endMs) break
  }
  const found = figures()
  const samples = measured.get('wrong')?.length
  console.info(
    `LI-1: ${samples} samples each, hash time ${found.hashMs} ms, differences ${JSON.stringify(found.medians)}, without the noise ${found.certain.toFixed(4)}`,
  )
  expect(found.hashMs).toBeGreaterThan(1)
  // Where the machine was too busy for the medians to settle, what is beyond the noise must stay below it.
  expect(found.certain).toBeLessThan(allowed)
}, 300_000)
