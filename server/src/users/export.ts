/** Owns the writing of accounts as an import reads them, page by page, so that a million need no memory. */
import { stringifyLine } from './csv.ts'
import type { Ctx } from '../ctx.ts'
import { columns } from './import-record.ts'
import { type Exported, exportPage } from './import-store.ts'

export type ExportOptions = {
  format: 'jsonl' | 'csv'
  /** Hashes go along; authenticator secrets never do. Only the operator may ask for it (security rule AD-3). */
  hashes: boolean
}

const pageSize = 500

/** The text, in pieces. */
export async function* exportUsers(ctx: Ctx, { format, hashes }: ExportOptions): AsyncGenerator<string> {
  const names = columns.filter((name) => name !== 'totp_secret' && (hashes || name !== 'password_hash'))
  if (format === 'csv') yield stringifyLine(names)
  for (let after = ''; ; ) {
    const page = await exportPage(ctx.db, after, pageSize)
    if (page.length === 0) return
    yield page.map((user) => lineOf(recordOf(user, hashes), names, format)).join('')
    after = page.at(-1)?.id ?? ''
  }
}

type Plain = Record<string, unknown>

const recordOf = (user: Exported, hashes: boolean): Plain => {
  const { email_canonical: _canonical, erase_after: _erase, updated_at: _updated, password_hash, ...rest } = user
  return { ...rest, created_at: user.created_at.toISOString(), ...(hashes && { password_hash }) }
}

const lineOf = (user: Plain, names: readonly string[], format: 'jsonl' | 'csv'): string => {
  if (format === 'csv') return stringifyLine(names.map((name) => cellOf(user[name])))
  const members = names.flatMap((name) => (isEmpty(user[name]) ? [] : [[name, user[name]]]))
  return `${JSON.stringify(Object.fromEntries(members))}\n`
}

const isEmpty = (value: unknown): boolean => value === null || value === undefined

const cellOf = (value: unknown): string => {
  if (isEmpty(value)) return ''
  if (Array.isArray(value)) return value.join(' ')
  return typeof value === 'string' ? value : JSON.stringify(value)
}
