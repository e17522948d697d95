/**
 * Owns statements of the hot path: written with names, sent with numbers. A value that a statement names nine times is
 * written out, sent and read once.
 */
import type { MaybeRow, ParameterOrJSON } from 'postgres'
import type { Query } from './connect.ts'

type Values = Record<string, ParameterOrJSON<never> | undefined>

/**
 * Prepares a constant text in which `$name` stands for a value. Throws at its first use when a value is missing: a bug,
 * which must not become a null.
 */
export const statement = <Row extends MaybeRow>(text: string) => {
  const names = [...new Set(text.match(/\$[a-z_]+/g))].map((name) => name.slice(1))
  const numbered = text.replaceAll(/\$([a-z_]+)/g, (_, name: string) => `$${names.indexOf(name) + 1}`)
  const pick = (values: Values) =>
    names.map((name) => {
      const value = values[name]
      if (value === undefined) throw new Error(`the statement names ${name}, and nobody gave it`)
      return value
    })
  return async (query: Query, values: Values): Promise<Row[]> =>
    await query.unsafe<Row[]>(numbered, pick(values), { prepare: true })
}
