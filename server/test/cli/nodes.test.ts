/** Commands beside two server processes: when a command is done, every node has heard of it. */
import { beforeAll, describe, expect, it } from 'vitest'
import { headerOf, type Oauth, oauthOf } from '../support/oauth.ts'
import { type CliResult, cli, type Server, startCluster } from '../support/server.ts'

let nodes: Server[]
let oauth: Oauth

beforeAll(async () => {
  nodes = await startCluster(2)
  oauth = await oauthOf(nodes[0] as Server)
})

const run = async (...args: string[]): Promise<CliResult> => await cli(args, { env: oauth.server.env })
const soon = { timeout: 2000, interval: 20 }
const userinfoEverywhere = async (access_token: string): Promise<number[]> =>
  await Promise.all(
    nodes.map(
      async (node) => (await node.client().get('/oauth/userinfo', { authorization: `Bearer ${access_token}` })).status,
    ),
  )

describe('a command that ends access', () => {
  it.each([
    ['user disable', async (user_id: string) => await run('user', 'disable', user_id)],
    ['user roles --remove', async (user_id: string) => await run('user', 'roles', user_id, '--remove', 'user')],
    ['user delete', async (user_id: string) => await run('user', 'delete', user_id, '--yes')],
  ])('%s counts on every node when it returns', async (_name, end) => {
    const person = await oauth.person(await oauth.user({ roles: ['user'] }))
    const { access_token } = await oauth.grant(person, await oauth.client())
    expect(await userinfoEverywhere(access_token)).toEqual([200, 200])
    expect(await end(person.user.user_id)).toMatchObject({ code: 0, stderr: '' })
    expect(await userinfoEverywhere(access_token)).toEqual([401, 401])
  })

  it('leaves no node behind for others to wait for', async () => {
    await run('user', 'list')
    expect(await oauth.db`select 1 from nodes where seen_at > now() - interval '3 seconds'`).toHaveLength(2)
  })
})

describe('a new key', () => {
  it('is known to every node at once, and a compromised one to none', async () => {
    const active = async (): Promise<string> => {
      const { keys } = (await run('keys', 'list', '--json')).json as {
        keys: { kid: string; alg: string; status: string }[]
      }
      return keys.find(({ alg, status }) => alg === 'RS256' && status === 'active')?.kid ?? ''
    }
    const published = async (): Promise<string[][]> =>
      await Promise.all(
        nodes.map(async (node) =>
          (await node.client().get('/.well-known/jwks.json'))
            .json<{ keys: { kid: string }[] }>()
            .keys.map(({ kid }) => kid),
        ),
      )
    const old = await active()
    await run('keys', 'rotate', '--alg', 'RS256', '--now')
    const next = await active()
    await expect
      .poll(published, soon)
      .toEqual([expect.arrayContaining([old, next]), expect.arrayContaining([old, next])])
    await run('keys', 'compromise', next, '--yes')
    await expect.poll(async () => (await published()).flat().includes(next), soon).toBe(false)
    const person = await oauth.person()
    const { access_token } = await oauth.grant(person, await oauth.client())
    expect(headerOf(access_token)['kid']).toBe(await active())
    expect(await userinfoEverywhere(access_token)).toEqual([200, 200])
  })
})
