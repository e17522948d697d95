/** G-1: a transaction never waits for a second connection, or as many sign-ins as there are connections stop everybody. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { ask, expectPage, openHouse, type Person, typePassword } from '../support/flow.ts'

it('twelve sign-ins to an application at the same moment, with two connections to the database', async () => {
  const house = await openHouse({ env: { KEYWRIGHT_DATABASE_POOL: '2' } })
  const app = await house.app({ first_party: true })
  const people: Person[] = []
  while (people.length < 12) people.push(await house.person())
  const begun = await Promise.all(
    people.map(async (person) => {
      const client = house.server.client()
      const page = await ask(client, app)
      expectPage(page, 200, 'Sign in')
      return { client, page, person }
    }),
  )
  // What the server knows of a client by heart is a second old at most: now each of them wants to look it up.
  await sleep(1100)
  const replies = await Promise.all(
    begun.map(async ({ client, page, person }) => await typePassword(client, page, person.email, person.password)),
  )
  expect(replies.map(({ status }) => status)).toEqual(people.map(() => 303))
}, 60_000)
