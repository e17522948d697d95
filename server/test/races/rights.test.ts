/**
 * Rights that are lost, with two servers on one database (product row 12, security design 3.3, promise I2): tokens that say otherwise
 * are dead two seconds later on either, however many people it concerns; what is gained counts at the next token.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeAll, describe, expect, it } from 'vitest'
import { changeMembership, changeRoles } from '../../src/access/assign.ts'
import { operator } from '../../src/access/change.ts'
import { changeGroup, changeGroupRole, createGroup, deleteGroup } from '../../src/access/groups.ts'
import { createPermission, deletePermission } from '../../src/access/permission-admin.ts'
import { changeRole, composeRole, createRole, deleteRole } from '../../src/access/role-admin.ts'
import { clean } from '../../src/operations/clean.ts'
import { type Denial, isDenial } from '../../src/protocol/errors.ts'
import type { Ctx } from '../../src/ctx.ts'
import { type Cluster, openCluster } from '../support/cluster.ts'
import type { TestClient } from '../support/fixtures.ts'
import { payloadOf } from '../support/flow.ts'
import type { Person } from '../support/oauth.ts'

let nodes: Cluster['nodes']
let client: TestClient

beforeAll(async () => {
  nodes = (await openCluster()).nodes
  client = await nodes[0].client()
})

const scope = 'openid roles'
const sure = <T>(result: T | Denial): T => {
  if (isDenial(result)) throw new Error(result.error_description)
  return result
}
/** Does it as the operator, at the first node. */
const act = async <T>(work: (ctx: Ctx) => Promise<T | Denial>): Promise<T> =>
  sure(await nodes[0].revoking(async (ctx) => await work(ctx)))

let made = 0
const roleWith = async (...permissions: string[]) => {
  made += 1
  const permission_ids: string[] = []
  for (const name of permissions)
    permission_ids.push((await act(async (ctx) => await createPermission(ctx, { name }, operator))).id)
  const name = `role-${made}`
  const { id } = await act(async (ctx) => await createRole(ctx, { name, permission_ids }, operator))
  return { id, name, permission_ids }
}
const group = async (parent_id: string | null = null): Promise<string> => {
  made += 1
  const { id } = await act(async (ctx) => await createGroup(ctx, { name: `group ${made}`, parent_id }, operator))
  return id
}

type Held = { person: Person; token: string; role: Awaited<ReturnType<typeof roleWith>>; group: string; top: string }

/** Somebody with a role, by a group below another one if `by` says so, and a token that names it. */
const holder = async (by: 'role' | 'group'): Promise<Held> => {
  const role = await roleWith(`thing-${made}:read`)
  const top = await group()
  const below = await group(top)
  const person = await nodes[0].person()
  const { user_id } = person.user
  if (by === 'role') await act(async (ctx) => await changeRoles(ctx, user_id, { add: [role.name], remove: [] }))
  else {
    await act(async (ctx) => await changeGroupRole(ctx, { id: top, role_id: role.id, gives: true }, operator))
    await act(async (ctx) => await changeMembership(ctx, { user_id, group_id: below, joins: true }, operator))
  }
  const { access_token: token } = await nodes[0].grant(person, client, { scope })
  expect(payloadOf(token)['roles']).toEqual([role.name])
  return { person, token, role, group: below, top }
}

/** Whether both nodes take a token. */
const alive = async (token: string): Promise<boolean[]> =>
  await Promise.all(nodes.map(async (node) => (await node.userinfo(token)).status === 200))

const expectDeath = async (token: string, end: () => Promise<unknown>): Promise<void> => {
  expect(await alive(token)).toEqual([true, true])
  await end()
  await expect.poll(async () => await alive(token), { timeout: 2000, interval: 50 }).toEqual([false, false])
}

describe('what is lost is dead within two seconds on both nodes', () => {
  it.each([
    [
      'the role is taken from the person',
      'role',
      (ctx, { person, role }) => changeRoles(ctx, person.user.user_id, { add: [], remove: [role.name] }),
    ],
    [
      'a permission is taken out of the role',
      'role',
      (ctx, { role }) =>
        composeRole(ctx, { id: role.id, permission_id: role.permission_ids[0] ?? '', adds: false }, operator),
    ],
    [
      'the role gets another name',
      'role',
      (ctx, { role }) => changeRole(ctx, { id: role.id, wish: { name: `${role.name}-new` } }, operator),
    ],
    ['the role is deleted', 'role', (ctx, { role }) => deleteRole(ctx, { id: role.id }, operator)],
    [
      'the permission is deleted',
      'role',
      (ctx, { role }) => deletePermission(ctx, { id: role.permission_ids[0] ?? '' }, operator),
    ],
    [
      'the person leaves the group',
      'group',
      (ctx, { person, group: group_id }) =>
        changeMembership(ctx, { user_id: person.user.user_id, group_id, joins: false }, operator),
    ],
    [
      'the role is taken from the group above',
      'group',
      (ctx, { top, role }) => changeGroupRole(ctx, { id: top, role_id: role.id, gives: false }, operator),
    ],
    [
      'the group is put elsewhere',
      'group',
      (ctx, { group: id }) => changeGroup(ctx, { id, wish: { parent_id: null } }, operator),
    ],
    ['the group is deleted', 'group', (ctx, { group: id }) => deleteGroup(ctx, { id }, operator)],
  ] as [string, 'role' | 'group', (ctx: Ctx, held: Held) => Promise<unknown>][])('%s', async (_, by, end) => {
    const held = await holder(by)
    await expectDeath(held.token, async () => await act(async (ctx) => await end(ctx, held)))
  })

  it('tokens of others, and tokens that name no role, live on', async () => {
    const held = await holder('role')
    const other = await holder('role')
    const { access_token: bare } = await nodes[0].grant(held.person, client, { scope: 'openid' })
    await expectDeath(
      held.token,
      async () => await act(async (ctx) => await deleteRole(ctx, { id: held.role.id }, operator)),
    )
    expect(await alive(bare)).toEqual([true, true])
    expect(await alive(other.token)).toEqual([true, true])
  })

  it('what is gained kills nothing, and counts at the next token', async () => {
    const held = await holder('role')
    const further = await roleWith('further:read')
    const { user_id } = held.person.user
    await act(async (ctx) => await changeRoles(ctx, user_id, { add: [further.name], remove: [] }))
    expect(await alive(held.token)).toEqual([true, true])
    const { access_token } = await nodes[1].grant(held.person, client, { scope })
    expect(payloadOf(access_token)['roles']).toEqual([held.role.name, further.name].toSorted())
  })
})

describe('a million', () => {
  const million = 1_000_000
  const batch = 50_000
  /** How long the quickest of several takes: the machine of a test does other things, too. */
  const quickest = async (work: () => Promise<unknown>): Promise<number> => {
    const times: number[] = []
    for (let turn = 0; turn < 10; turn += 1) {
      const began = performance.now()
      await work()
      times.push(performance.now() - began)
      await sleep(20)
    }
    return Math.min(...times)
  }

  beforeAll(async () => {
    const role = await roleWith('million:read')
    const all = await group()
    await act(async (ctx) => await changeGroupRole(ctx, { id: all, role_id: role.id, gives: true }, operator))
    const { db } = nodes[0]
    // Rows as they are, without an account to each of them.
    await db`alter table user_roles drop constraint user_roles_user_id_fkey`
    await db`alter table group_members drop constraint group_members_user_id_fkey`
    for (let first = 1; first < million; first += batch) {
      const last = first + batch - 1
      await db`
        insert into user_roles (user_id, role_id) select 'm' || n, ${role.id} from generate_series(${first}::int, ${last}::int) n`
      await db`
        insert into group_members (user_id, group_id) select 'm' || n, ${all} from generate_series(${first}::int, ${last}::int) n`
    }
    big = { role, all }
  }, 300_000)

  let big: { role: Awaited<ReturnType<typeof roleWith>>; all: string }

  it('people with a role: a change of it takes less than 50 ms, and their tokens are dead within two seconds', async () => {
    const person = await nodes[0].person()
    await act(async (ctx) => await changeRoles(ctx, person.user.user_id, { add: [big.role.name], remove: [] }))
    await sleep(600)
    const { access_token } = await nodes[0].grant(person, client, { scope })
    const permission_id = big.role.permission_ids[0] ?? ''
    const compose = async (adds: boolean) =>
      await act(async (ctx) => await composeRole(ctx, { id: big.role.id, permission_id, adds }, operator))
    await expectDeath(access_token, async () => await compose(false))
    let adds = false
    expect(await quickest(async () => await compose((adds = !adds)))).toBeLessThan(50)
  })

  it('people in a group: so does a change of it, and the end of both', async () => {
    const person = await nodes[0].person()
    const { user_id } = person.user
    await act(async (ctx) => await changeMembership(ctx, { user_id, group_id: big.all, joins: true }, operator))
    // What was revoked a moment ago is dead until whoever was under way has arrived.
    await sleep(600)
    const { access_token } = await nodes[0].grant(person, client, { scope })
    const change = async (gives: boolean) =>
      await act(async (ctx) => await changeGroupRole(ctx, { id: big.all, role_id: big.role.id, gives }, operator))
    await expectDeath(access_token, async () => await change(false))
    let gives = false
    expect(await quickest(async () => await change((gives = !gives)))).toBeLessThan(50)
    const began = performance.now()
    await act(async (ctx) => await deleteGroup(ctx, { id: big.all }, operator))
    await act(async (ctx) => await deleteRole(ctx, { id: big.role.id }, operator))
    expect(performance.now() - began).toBeLessThan(1000)
    const [row] = await nodes[0].db<{ roles: string[] }[]>`select roles_of('m7') as roles`
    expect(row?.roles).toEqual([])
  })

  it('what is left of them goes batch by batch', async () => {
    const { db } = nodes[0]
    // The rest would take a while.
    await db`truncate user_roles, group_members`
    await db`insert into user_roles (user_id, role_id) select 'm' || n, ${big.role.id} from generate_series(1, 2500) n`
    await db`insert into group_members (user_id, group_id) select 'm' || n, ${big.all} from generate_series(1, 2500) n`
    await clean(nodes[0].ctx)
    await clean(nodes[0].ctx)
    const left = await db`
      select id from roles where deleted_at is not null union all select id from groups where deleted_at is not null
      union all select role_id from user_roles union all select group_id from group_members`
    expect(left).toEqual([])
  })
})
