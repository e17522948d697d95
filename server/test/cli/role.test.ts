/** `keywright role …`: what a role demands of sign-ins (security rule MF-1). */
import { expect, it } from 'vitest'
import { refused } from '../support/cli.ts'
import { expectPage, openHouse, signInOn } from '../support/flow.ts'
import { authenticatorOf } from '../support/factors.ts'
import { cli } from '../support/server.ts'

it('MF-1: a role that demands two factors makes every sign-in of who holds it prove two', async () => {
  const house = await openHouse()
  const { env } = house.server
  const admin = await house.person({ roles: ['admin'] })
  await authenticatorOf(house.ctx, admin.user_id)
  const plain = await house.person({ roles: ['user'] })
  expect((await cli(['role', 'update', 'ADMIN', '--acr', 'aal2'], { env })).code).toBe(0)
  const { roles } = (await cli(['role', 'list', '--json'], { env })).json as { roles: { name: string; acr: string }[] }
  expect(roles.map(({ name, acr }) => [name, acr])).toEqual([
    ['admin', 'aal2'],
    ['editor', null],
    ['user', null],
    ['viewer', null],
  ])
  const first = house.server.client()
  expectPage(await signInOn(first, await first.get('/login'), admin), 200, 'Confirm that it is you')
  const second = house.server.client()
  expectPage(await signInOn(second, await second.get('/login'), plain), 200, /account/i)
  const unknown = await cli(['role', 'update', 'nobody', '--acr', 'aal2'], { env })
  expect(unknown).toMatchObject(refused('There is no role nobody.'))
})
