/**
 * Security rule G-3 (security.md 1.0b): disabled, locked, leaving or deleted: no path issues anything any more, two seconds
 * after the change at the latest. Every path of support/person-paths.ts,
 * sign-in-paths.ts and client-paths.ts in every state.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { removeClient, setClientStatus } from '../../src/clients/manage.ts'
import { requestErasure } from '../../src/users/leave.ts'
import { changeStatus, removeUser } from '../../src/users/status.ts'
import { type App, openHouse, type Person } from '../support/flow.ts'
import { inboxOf } from '../support/inbox.ts'
import { clientPaths } from '../support/client-paths.ts'
import { type Attempt, type Place, served } from '../support/issuing-paths.ts'
import { someRequest } from '../support/factors.ts'
import { personPaths } from '../support/person-paths.ts'
import { signInPaths } from '../support/sign-in-paths.ts'

let place: Place

beforeAll(async () => {
  const house = await openHouse()
  const resources = [`${house.server.issuer}/api/v1`]
  place = {
    house,
    inbox: inboxOf(house.server),
    apps: {
      first: await house.app({ first_party: true }),
      third: await house.app(),
      opaque: await house.app({ first_party: true, access_token_format: 'opaque' }),
      spa: await house.app({ first_party: true, type: 'spa' }),
      api: await house.app({ first_party: true, resources, scope: 'openid account' }),
      server: await house.app({ type: 'machine', audiences: [served], grant_types: ['client_credentials'] }),
    },
  }
})

/** What happens to an account. Where only the row is changed, the gate has to hold by itself. */
const states: Record<string, (person: Person) => Promise<unknown>> = {
  active: async () => await Promise.resolve(),
  disabled: async ({ user_id }) =>
    await place.house.revoking(async (ctx) => await changeStatus(ctx, user_id, 'disabled')),
  locked: async ({ user_id }) => await place.house.revoking(async (ctx) => await changeStatus(ctx, user_id, 'locked')),
  leaving: async ({ user_id }) =>
    await place.house.revoking(async (ctx) => await requestErasure(ctx, someRequest(ctx), user_id)),
  deleted: async ({ user_id }) => await place.house.revoking(async (ctx) => await removeUser(ctx, user_id)),
  'disabled in its row alone': async ({ user_id }) =>
    await place.house.sql`update users set status = 'disabled' where id = ${user_id}`,
  'leaving, in its row alone': async ({ user_id }) =>
    await place.house.sql`update users set status = 'pending_erasure' where id = ${user_id}`,
}

const paths = { ...personPaths, ...signInPaths }

type Opened = { name: string; attempt: Attempt }

/** One after the other: hashing is bounded, and a queue that is full is no answer to this question. */
const inTurn = async <T, U>(items: readonly T[], work: (item: T) => Promise<U>): Promise<U[]> => {
  const done: U[] = []
  for (const item of items) done.push(await work(item))
  return done
}

/** What every path issued two seconds after the change, by its name. */
const issuedBy = async (opened: readonly Opened[]): Promise<Record<string, boolean>> => {
  await sleep(2000)
  return Object.fromEntries(await inTurn(opened, async ({ name, attempt }) => [name, await attempt()] as const))
}

const patienceMs = 240_000

describe('G-3: an account', () => {
  it.each(Object.keys(states))(
    '%s',
    async (state) => {
      const opened = await inTurn(Object.entries(paths), async ([name, open]) => {
        const person = await place.house.person()
        return { name, person, attempt: await open(place, person) }
      })
      for (const { person } of opened) await states[state]?.(person)
      const expected = Object.fromEntries(Object.keys(paths).map((name) => [name, state === 'active']))
      expect(await issuedBy(opened)).toEqual(expected)
    },
    patienceMs,
  )
})

const clientStates: Record<string, (app: App) => Promise<unknown>> = {
  enabled: async () => await Promise.resolve(),
  disabled: async ({ client_id }) =>
    await place.house.revoking(async (ctx) => await setClientStatus(ctx, client_id, 'disabled')),
  deleted: async ({ client_id }) => await place.house.revoking(async (ctx) => await removeClient(ctx, client_id)),
  'disabled in its row alone': async ({ client_id }) =>
    await place.house.sql`update clients set status = 'disabled' where client_id = ${client_id}`,
}

describe('G-3: a client', () => {
  it.each(Object.keys(clientStates))(
    '%s',
    async (state) => {
      const opened = await inTurn(Object.entries(clientPaths), async ([name, open]) => {
        const app = await place.house.app({
          first_party: true,
          grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
          scope: 'openid offline_access read',
          resources: [served],
        })
        return { name, app, attempt: await open(place, app, await place.house.person()) }
      })
      for (const { app } of opened) await clientStates[state]?.(app)
      const expected = Object.fromEntries(Object.keys(clientPaths).map((name) => [name, state === 'enabled']))
      expect(await issuedBy(opened)).toEqual(expected)
    },
    patienceMs,
  )
})
