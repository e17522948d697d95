/** Security rule AD-2 (security.md 1.6): every act by who holds what it takes, lacks the permission of the act, or holds less. */
import { describe, expect, it } from 'vitest'
import { type Act, can } from './can.ts'

const holds = (...permissions: string[]) => ({ permissions })
/** What roles, groups and people of these cases hold. */
const right = holds('reports:read')
const nothing = holds()
const somebody = { id: 'somebody', ...right }

/** Each act, with the permission that it needs. */
const acts: [Act, string | undefined][] = [
  [{ do: 'act on somebody', permission: 'users:write', whom: right }, 'users:write'],
  [{ do: 'give a role', role: right, to: nothing }, 'roles:assign'],
  [{ do: 'give a role', role: nothing, to: right }, 'roles:assign'],
  [{ do: 'take a role', role: right, from: right }, 'roles:assign'],
  [{ do: 'take a role', role: nothing, from: right }, 'roles:assign'],
  [{ do: 'create a role', role: right }, 'roles:write'],
  [{ do: 'change a role', role: right }, 'roles:write'],
  [{ do: 'delete a role', role: right }, 'roles:write'],
  [{ do: 'add permissions', role: nothing, permissions: ['reports:read'] }, 'roles:write'],
  [{ do: 'add permissions', role: right, permissions: [] }, 'roles:write'],
  [{ do: 'remove permissions', role: right, permissions: ['reports:read'] }, 'roles:write'],
  [{ do: 'create a group', under: right }, 'groups:write'],
  [{ do: 'change a group', group: right }, 'groups:write'],
  [{ do: 'delete a group', group: right }, 'groups:write'],
  [{ do: 'move a group', group: right, under: nothing }, 'groups:write'],
  [{ do: 'move a group', group: nothing, under: right }, 'groups:write'],
  [{ do: 'join a group', group: right, member: nothing }, 'roles:assign'],
  [{ do: 'join a group', group: nothing, member: right }, 'roles:assign'],
  [{ do: 'leave a group', group: right, member: right }, 'roles:assign'],
  [{ do: 'give a group a role', group: nothing, role: right }, 'roles:assign'],
  [{ do: 'give a group a role', group: right, role: nothing }, 'roles:assign'],
  [{ do: 'take a role from a group', group: right, role: right }, 'roles:assign'],
  [{ do: 'change a permission', permission: 'reports:read' }, 'permissions:write'],
  [{ do: 'delete a permission', permission: 'reports:read' }, 'permissions:write'],
  [{ do: 'tie a client', service: right }, 'service-accounts:write'],
  [{ do: 'change a client', service: right }, undefined],
  [{ do: 'make an API key', owner: somebody, permissions: ['reports:read'] }, undefined],
  [{ do: 'make an API key', owner: somebody, permissions: [] }, undefined],
  [{ do: 'impersonate', target: somebody }, 'users:impersonate'],
]
const cases = acts.map(([act, needs]) => [JSON.stringify(act), act, needs] as const)

const outcome = (act: Act, ...permissions: string[]): string => can({ id: 'actor', permissions }, act)?.error ?? 'may'

describe.each(cases)('AD-2: %s', (_, act, needs) => {
  const own = needs === undefined ? [] : [needs]
  it('is allowed to whoever holds all of it', () => {
    expect(outcome(act, ...own, 'reports:read', 'else:where')).toBe('may')
  })
  it('is refused without the permission of the act', () => {
    const all = ['reports:read', 'else:where']
    expect(outcome(act, ...all)).toBe(needs === undefined ? 'may' : 'permission_denied')
  })
  it('is refused beyond what the actor holds', () => {
    expect(outcome(act, ...own, 'else:where')).toBe('beyond_ceiling')
    expect(can({ id: 'actor', permissions: own }, act)?.status).toBe(403)
  })
  it('is refused to nobody in particular', () => {
    expect(outcome(act)).not.toBe('may')
  })
})

describe('AD-2: acts that give nothing', () => {
  it.each([
    [{ do: 'use a permission', permission: 'keys:read' } as const, 'keys:read'],
    [{ do: 'create a permission' } as const, 'permissions:write'],
  ])('%j needs its permission only', (act, needs) => {
    expect([outcome(act, needs), outcome(act, 'else:where')]).toEqual(['may', 'permission_denied'])
  })
})

describe('AK-1: API keys', () => {
  const key = (permissions: string[], owner: string[]): Extract<Act, { do: 'make an API key' }> => ({
    do: 'make an API key',
    owner: { id: 'somebody', permissions: owner },
    permissions,
  })
  it('one makes keys for oneself without further permission', () => {
    const own: Act = {
      ...key(['reports:read'], ['reports:read']),
      owner: { id: 'actor', permissions: ['reports:read'] },
    }
    expect(outcome(own, 'reports:read')).toBe('may')
  })
  it('a key holds no more than its owner, even when its maker holds more', () => {
    expect(outcome(key(['users:read'], []), 'users:read')).toBe('beyond_ceiling')
  })
  it('what an API key of the actor is cut to counts, also for oneself', () => {
    const own: Act = { ...key(['users:read'], []), owner: { id: 'actor', permissions: ['users:read'] } }
    expect(outcome(own)).toBe('beyond_ceiling')
  })
})

describe('AD-4: impersonation', () => {
  const as = (id: string, ...permissions: string[]): Act => ({ do: 'impersonate', target: { id, permissions } })
  it.each([
    ['somebody with fewer rights', as('p'), 'may'],
    ['oneself', as('actor'), 'beyond_ceiling'],
    ['somebody with as many', as('p', 'users:impersonate'), 'beyond_ceiling'],
    ['somebody with others', as('p', 'keys:read'), 'beyond_ceiling'],
  ])('%s', (_, act, expected) => expect(outcome(act, 'users:impersonate')).toBe(expected))
})
