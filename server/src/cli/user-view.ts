/** Owns how accounts are shown: as data without anything secret, and as text for a person. Pure. */
import type { UsersRow } from '../db/tables.gen.ts'
import type { Subject } from '../protocol/claims.ts'
import { columns, minuteOf, table } from './output.ts'

type ListedUser = Pick<UsersRow, 'id' | 'status' | 'email' | 'email_verified' | 'username' | 'name' | 'created_at'>

/** One account of a list, as JSON. */
export const userView = ({ id, status, email, email_verified, username, name, created_at }: ListedUser) => ({
  id,
  status,
  email,
  email_verified,
  username,
  name,
  created_at,
})

/** A list of accounts for a person. */
export const showUsers = (users: readonly ListedUser[]): string =>
  users.length === 0
    ? 'There is no account.'
    : columns(
        ['ID', 'STATUS', 'EMAIL', 'USERNAME', 'NAME', 'CREATED'],
        users.map((user) => [
          user.id,
          user.status,
          user.email ?? '',
          user.username ?? '',
          user.name ?? '',
          minuteOf(user.created_at),
        ]),
      )

/** One account for a person. */
export const showUser = (user: Subject & { created_at: Date | undefined }): string =>
  table([
    ['id', user.id],
    ['status', user.status],
    ['email', user.email && `${user.email}${user.email_verified ? '' : ' (not verified)'}`],
    ['username', user.username],
    ['name', user.name],
    ['roles', user.roles.join(', ') || 'none'],
    ['permissions', user.permissions.join(', ') || 'none'],
    ['claims', Object.keys(user.claims).length === 0 ? undefined : JSON.stringify(user.claims)],
    ['created', minuteOf(user.created_at ?? null)],
    ['changed', minuteOf(user.updated_at)],
  ])
