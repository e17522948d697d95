/**
 * Security rule LI-1 by the clock: asking for an account, for a new password and for a sign-in by mail takes the same time
 * whether the address has an account or not, over 500 samples of each, in turn.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { type House, openHouse } from '../support/flow.ts'
import type { HttpClient, Reply } from '../support/http.ts'

let house: House
let hash: string

beforeAll(async () => {
  house = await openHouse()
  const person = await house.person()
  const [row] = await house.sql<{ password_hash: string }[]>`
    select password_hash from password_credentials where user_id = ${person.user_id}`
  hash = row?.password_hash ?? ''
})

const wanted = 500
const allowed = 0.05
/** How long one kind of question may take on a machine that has other things to do; then the samples that there are must do. */
const endMs = 100_000
const parts = [0.5, 0.25, 0.1] as const
let made = 0

/** An address, with an account or without. Each is asked for once: the limits per address are no part of this. */
const address = async (known: boolean): Promise<string> => {
  const email = `timed${String((made += 1)).padStart(6, '0')}@people.example`
  if (!known) return email
  const id = `entry-${made}`
  await house.sql`
    insert into users (id, email, email_canonical, email_verified) values (${id}, ${email}, ${email}, true)`
  await house.sql`insert into password_credentials (user_id, password_hash) values (${id}, ${hash})`
  return email
}

/** The time below which a part of all were. */
const quantile = (times: readonly number[], part: number): number =>
  times.toSorted((a, b) => a - b)[Math.floor((times.length - 1) * part)] ?? 0

const timed = async (times: number[], work: () => Promise<Reply>): Promise<void> => {
  const begun = performance.now()
  const { status } = await work()
  times.push(performance.now() - begun)
  expect([202, 303, 422]).toContain(status)
}

const ask = async (client: HttpClient, path: string, json: object): Promise<Reply> =>
  await client.request(`/api/v1/auth/${path}`, { method: 'POST', json })

const registering = async (client: HttpClient, email: string, password = 'four calm green boats'): Promise<Reply> =>
  await ask(client, 'register', { email, password, name: 'Somebody' })

/** What a hash costs here: a registration with one, less a registration that is refused before it. */
const hashMs = async (client: HttpClient): Promise<number> => {
  const [whole, none]: [number[], number[]] = [[], []]
  for (let turn = 0; turn < 40; turn += 1) {
    const email = await address(false)
    await timed(whole, async () => await registering(client, email))
    await timed(none, async () => await registering(client, email, 'short'))
  }
  return quantile(whole, 0.5) - quantile(none, 0.5)
}

const questions: Record<string, (client: HttpClient, email: string) => Promise<Reply>> = {
  register: registering,
  'forgot-password': async (client, login) => await ask(client, 'forgot-password', { login }),
  'email-code': async (client, login) => await ask(client, 'email-code', { login }),
}

describe('LI-1', () => {
  it.each(Object.keys(questions))(
    '%s: medians within 5 % of the hash time over 500 samples',
    { timeout: 200_000 },
    async (name) => {
      const client = house.server.client()
      await client.get('/login')
      const cost = await hashMs(client)
      const samples: Record<'known' | 'unknown', number[]> = { known: [], unknown: [] }
      const begun = performance.now()
      while (samples.known.length < wanted && performance.now() - begun < endMs) {
        const batch = await Promise.all(
          [true, false, true, false].map(async (known) => ({ known, email: await address(known) })),
        )
        for (const { known, email } of Math.random() < 0.5 ? batch : batch.toReversed())
          await timed(
            samples[known ? 'known' : 'unknown'],
            async () => (await questions[name]?.(client, email)) as Reply,
          )
      }
      const gaps = parts.map((part) => Math.abs(quantile(samples.known, part) - quantile(samples.unknown, part)) / cost)
      const figures = {
        samples: samples.known.length,
        hash_ms: cost.toFixed(1),
        gaps: gaps.map((gap) => gap.toFixed(4)),
      }
      console.info(`${name}: ${JSON.stringify(figures)}`)
      // A real difference shows in the median, in the faster half and in the fastest tenth; a busy machine only in some.
      expect(Math.min(...gaps)).toBeLessThan(allowed)
      expect(samples.known.length).toBeGreaterThan(100)
    },
  )
})
