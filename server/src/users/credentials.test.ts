/** What an account's password is known by, beside the password: another name after each change, the same after a rehash. */
import { hash } from '@node-rs/argon2'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Fixtures, fixtures } from '../../test/support/fixtures.ts'
import { accountOf, provePassword } from './credentials.ts'
import { changePassword } from './status.ts'

let made: Fixtures

beforeAll(async () => {
  made = await fixtures()
})

const storedHash = async (user_id: string): Promise<string> => {
  const [row] = await made.db<
    { password_hash: string }[]
  >`select password_hash from password_credentials where user_id = ${user_id}`
  return row?.password_hash ?? ''
}

describe('accountOf', () => {
  it('is one account under its address and its user name, and the login itself where there is none', async () => {
    const { user_id, email } = await made.user({ username: 'one_of_many' })
    const account = await accountOf(made.ctx, email, undefined)
    expect(account.name).toBe(`user|${user_id}`)
    expect(await accountOf(made.ctx, 'one_of_many', undefined)).toEqual(account)
    expect(await accountOf(made.ctx, 'nobody', undefined)).toEqual({
      name: 'login|nobody',
      credential: '',
      device_id: undefined,
      login: undefined,
    })
  })

  it('an account without a password has no credential', async () => {
    await made.db`insert into users (id, username) values ('without', 'without')`
    expect(await accountOf(made.ctx, 'without', undefined)).toMatchObject({
      name: 'user|without',
      credential: '',
      device_id: undefined,
    })
  })

  it('has another credential after a change of the password, even to the same one', async () => {
    const { user_id, email, password } = await made.user()
    const before = await accountOf(made.ctx, email, undefined)
    const again = await made.ctx.hashing.hash(password)
    await made.revoking(async (ctx) => await changePassword(ctx, user_id, again))
    const after = await accountOf(made.ctx, email, undefined)
    expect(after.name).toBe(before.name)
    expect(after.credential).not.toBe(before.credential)
  })

  it('has the same credential after a hash of old parameters was made again', async () => {
    const { user_id, email, password } = await made.user()
    const cheap = await hash(password, { algorithm: 2, memoryCost: 1024, timeCost: 1, parallelism: 1 })
    await made.db`update password_credentials set password_hash = ${cheap} where user_id = ${user_id}`
    const before = await accountOf(made.ctx, email, undefined)
    const proof = await provePassword(made.ctx, before, password)
    expect(await storedHash(user_id)).not.toBe(cheap)
    expect(proof?.credential).toBe(before.credential)
    const { name, credential } = await accountOf(made.ctx, email, undefined)
    expect({ name, credential }).toEqual({ name: before.name, credential: before.credential })
  })
})
