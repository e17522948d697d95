/**
 * Owns what one setting is: its environment name, its group, its sentence, and whether it is a secret; and the forms that
 * settings share. Never reads the environment. The settings themselves stand in schema.ts.
 */
import { z } from 'zod'

/** What the documentation and the loader need to know about one setting. */
export type Leaf = { env: string; description: string; secret?: boolean; group: string }

const leaves = z.registry<Leaf>()

/** Names the group of the settings that it is called for, and gives each its environment name and its sentence. */
export const group =
  (name: string) =>
  <T extends z.ZodType>(env: string, schema: T, description: string): T => {
    leaves.add(schema, { env, description, group: name })
    return schema
  }

/** Marks a setting whose value is never shown. */
export const secret = <T extends z.ZodType>(schema: T): T => {
  leaves.add(schema, { ...leafOf(schema), secret: true })
  return schema
}

/** What is known of a setting. Throws for a schema that no group has named: a mistake in schema.ts. */
export const leafOf = (schema: z.ZodType): Leaf => {
  const leaf = leaves.get(schema)
  if (leaf === undefined) throw new Error('a setting has no environment name')
  return leaf
}

/** on | off */
export const flag = z.enum(['on', 'off']).transform((word) => word === 'on')
/** Values between commas; empty ones are left out. */
export const list = z
  .string()
  .transform((text) => text.split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()])))
/** A whole number within bounds: of seconds, of requests. */
export const whole = (min: number, max: number) => z.coerce.number().int().min(min).max(max)
/** A day in seconds. */
export const day = 86_400
