/** Owns roles, permissions and groups of tests: made over the API by an administrator, so that a test says only what it is about. */
import { expect } from 'vitest'
import { type Caller, callerOf } from './api.ts'
import type { House, Person } from './flow.ts'
import { describe as describeReply, type Reply } from './http.ts'

export type Rights = {
  caller: Caller
  admin: Person
  /** A permission of this server's own, or one that is made now; its id. */
  permission: (name: string) => Promise<string>
  role: (name: string, ...permissions: string[]) => Promise<string>
  group: (name: string, parent_id?: string) => Promise<string>
  /** Gives somebody a role; they are signed in again where that matters. */
  give: (user_id: string, role_id: string) => Promise<void>
  join: (group_id: string, user_id: string) => Promise<void>
  giveGroup: (group_id: string, role_id: string) => Promise<void>
  /** Somebody with these permissions, by a role of their own, and their way to call. */
  somebody: (...permissions: string[]) => Promise<{ person: Person; caller: Caller; role: string }>
  /** Lets a role hold these permissions and no others, at once. */
  hold: (role_id: string, ...permissions: string[]) => Promise<void>
}

/** The id of what was made. */
export const idOf = (reply: Reply, status = 201): string => {
  expect(reply.status, describeReply(reply)).toBe(status)
  return reply.json<{ id: string }>().id
}

/** Status and code of an answer, for comparisons. */
export const codeOf = (reply: Reply): [number, string | undefined] => [
  reply.status,
  reply.body === '' ? undefined : reply.json<{ code?: string }>().code,
]

/** Opens the API for an administrator. */
export const rightsOf = async (house: House): Promise<Rights> => {
  const admin = await house.person({ roles: ['admin'] })
  const caller = await callerOf(house, admin)
  const did = async (path: string): Promise<void> => {
    const reply = await caller.call('POST', path)
    expect([200, 204], describeReply(reply)).toContain(reply.status)
  }
  const find = async (name: string): Promise<string | undefined> => {
    const reply = await caller.call('GET', `permissions?limit=200&q=${name}`)
    return reply.json<{ permissions: { id: string; name: string }[] }>().permissions.find((one) => one.name === name)
      ?.id
  }
  let made = 0
  const rights: Rights = {
    caller,
    admin,
    permission: async (name) => (await find(name)) ?? idOf(await caller.call('POST', 'permissions', { name })),
    role: async (name, ...permissions) => {
      const permission_ids: string[] = []
      for (const one of permissions) permission_ids.push(await rights.permission(one))
      return idOf(await caller.call('POST', 'roles', { name, permission_ids }))
    },
    group: async (name, parent_id) => idOf(await caller.call('POST', 'groups', { name, parent_id: parent_id ?? null })),
    give: async (user_id, role_id) => await did(`users/${user_id}/roles/${role_id}`),
    hold: async (role_id, ...permissions) => {
      const permission_ids: string[] = []
      for (const one of permissions) permission_ids.push(await rights.permission(one))
      const reply = await caller.call('PATCH', `roles/${role_id}`, { permission_ids })
      expect(reply.status, describeReply(reply)).toBe(200)
    },
    join: async (group_id, user_id) => await did(`groups/${group_id}/members/${user_id}`),
    giveGroup: async (group_id, role_id) => await did(`groups/${group_id}/roles/${role_id}`),
    somebody: async (...permissions) => {
      const person = await house.person()
      made += 1
      const role = await rights.role(`own-${made}`, ...permissions)
      await rights.give(person.user_id, role)
      return { person, caller: await callerOf(house, person), role }
    },
  }
  return rights
}
