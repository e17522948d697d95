/** What a deployment starts with (product row 30): written once, whatever was changed since, and whoever starts at the same moment. */
import { describe, expect, it } from 'vitest'
import { permissions, seededRoles } from '../../src/access/permissions.ts'
import { seedAccess } from '../../src/access/seed.ts'
import { transact } from '../../src/db/transact.ts'
import { freshDatabase } from '../support/database.ts'

const open = async () => {
  const { sql } = await freshDatabase()
  const seed = async () => await transact(sql, seedAccess)
  const held = async () =>
    Object.fromEntries(
      (
        await sql<{ name: string; holds: string[] }[]>`
          select r.name, array(select p.name from role_permissions rp join permissions p on p.id = rp.permission_id
            where rp.role_id = r.id order by p.name) as holds from roles r`
      ).map(({ name, holds }) => [name, holds]),
    )
  const take = async (role: string, permission: string) =>
    await sql`
      delete from role_permissions rp using roles r, permissions p
      where rp.role_id = r.id and rp.permission_id = p.id and r.name = ${role} and p.name = ${permission}`
  return { sql, seed, held, take }
}

const all = permissions.map(([resource, action]) => `${resource}:${action}`).toSorted()

describe('seed', () => {
  it('writes permissions of the own API and the four roles', async () => {
    const { sql, seed, held } = await open()
    await seed()
    const { admin, editor = [], user, viewer = [] } = await held()
    expect([admin, user]).toEqual([all, []])
    expect(editor).toEqual(
      [...new Set([...viewer, 'users:write', 'groups:write', 'applications:write', 'sessions:write'])].toSorted(),
    )
    expect(viewer.every((name) => name.endsWith(':read'))).toBe(true)
    for (const name of ['audit:read', 'decisions:read', 'revocations:read', 'roles:assign', 'keys:write'])
      expect(editor).not.toContain(name)
    const own = await sql`
      select 1 from permissions p join resource_servers rs on rs.id = p.resource_server_id where rs.builtin`
    expect(own).toHaveLength(all.length)
  })

  it('is the same when it is run again, and by several at once', async () => {
    const { seed, held } = await open()
    await Promise.all([seed(), seed(), seed()])
    const first = await held()
    await seed()
    expect(await held()).toEqual(first)
    expect(Object.keys(first).toSorted()).toEqual(seededRoles.map(({ name }) => name).toSorted())
  })

  it('gives nothing back that was taken away, and makes no role again that was deleted', async () => {
    const { sql, seed, held, take } = await open()
    await seed()
    await take('viewer', 'users:read')
    await take('admin', 'stats:read')
    await sql`delete from roles where name = 'editor'`
    await sql`delete from permissions where name = 'webhooks:read'`
    const before = await held()
    await seed()
    expect(await held()).toEqual(before)
  })

  it('gives permissions that are new with a release to admin alone; whoever had one of that name has it no more', async () => {
    const { sql, seed, held } = await open()
    await seed()
    // As if this release had brought two of them: one whose name nobody used, and one that somebody had made before.
    await sql`delete from seeded_access where name in ('permission stats:read', 'permission sessions:read')`
    await sql`delete from permissions where name in ('stats:read', 'sessions:read')`
    await sql`insert into permissions (name, resource, action) values ('sessions:read', 'sessions', 'read')`
    await sql`
      insert into role_permissions select r.id, p.id from roles r, permissions p where r.name = 'user' and p.name = 'sessions:read'`
    await seed()
    const after = await held()
    expect(after['admin']).toEqual(all)
    for (const role of ['editor', 'user', 'viewer'])
      expect(after[role]?.filter((name) => ['stats:read', 'sessions:read'].includes(name))).toEqual([])
  })
})
