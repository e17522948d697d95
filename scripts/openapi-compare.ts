/**
 * Owns the question whether one OpenAPI document of ours takes anything away that another one has promised: what was asked before
 * is still understood, what was answered before still comes. Pure. Start reading at `lossesOf`.
 */

export type Schema = {
  $ref?: string
  type?: string | string[]
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  additionalProperties?: boolean | Schema
  enum?: unknown[]
  const?: unknown
  anyOf?: Schema[]
  oneOf?: Schema[]
  [keyword: string]: unknown
}
type Parameter = { name: string; in: string; required?: boolean; schema: Schema }
type Content = Record<string, { schema: Schema }>
type Operation = {
  parameters?: Parameter[]
  requestBody?: { content: Content }
  responses: Record<string, { content?: Content }>
  security?: Record<string, string[]>[]
}
export type Document = {
  paths: Record<string, Record<string, Operation>>
  components?: { schemas?: Record<string, Schema> }
}

/** Both sides of one comparison. `asked`: what callers send; otherwise what they are answered. */
type Pair = { old: Document; now: Document; asked: boolean; seen: Set<string> }

/** What is lost between the two, one sentence each; none means that the second only grows. */
export const lossesOf = (old: Document, now: Document): string[] =>
  Object.entries(old.paths).flatMap(([path, methods]) => {
    const kept = now.paths[path]
    if (kept === undefined) return [`${path} is gone`]
    return Object.entries(methods).flatMap(([method, before]) => {
      const name = `${method.toUpperCase()} ${path}`
      const after = kept[method]
      return after === undefined ? [`${name} is gone`] : operationLosses({ old, now }, name, [before, after])
    })
  })

type Two<T> = [before: T, after: T]

const operationLosses = (
  documents: Pick<Pair, 'old' | 'now'>,
  name: string,
  [before, after]: Two<Operation>,
): string[] => {
  const asked: Pair = { ...documents, asked: true, seen: new Set() }
  const answered: Pair = { ...documents, asked: false, seen: new Set() }
  const good = Object.entries(before.responses).filter(([status]) => /^[23]/.test(status))
  return [
    ...parameterLosses(asked, name, [before.parameters ?? [], after.parameters ?? []]),
    ...bodyLosses(asked, name, [before.requestBody, after.requestBody]),
    ...proofLosses(name, [before.security ?? [], after.security ?? []]),
    ...good.flatMap(([status, { content = {} }]) => {
      const response = after.responses[status]
      const at = `${name}: answer ${status}`
      return response === undefined ? [`${at} is gone`] : contentLosses(answered, at, [content, response.content ?? {}])
    }),
  ]
}

const parameterLosses = (pair: Pair, name: string, [before, after]: Two<Parameter[]>): string[] => {
  const same = (one: Parameter) => (other: Parameter) => one.name === other.name && one.in === other.in
  const fresh = after.filter((one) => one.required === true && !before.some(same(one)))
  return [
    ...fresh.map((one) => `${name}: the ${one.in} parameter ${one.name} is new and required`),
    ...before.flatMap((one) => {
      const at = `${name}: the ${one.in} parameter ${one.name}`
      const kept = after.find(same(one))
      if (kept === undefined) return [`${at} is gone`]
      const stricter = kept.required === true && one.required !== true ? [`${at} is required now`] : []
      return [...stricter, ...schemaLosses(pair, at, [one.schema, kept.schema])]
    }),
  ]
}

const bodyLosses = (pair: Pair, name: string, [before, after]: Two<Operation['requestBody']>): string[] => {
  const at = `${name}: body`
  if (before === undefined) {
    const needs = Object.values(after?.content ?? {}).flatMap(({ schema }) => resolved(pair.now, schema).required ?? [])
    return [...new Set(needs)].map((member) => `${at}.${member} is new and required`)
  }
  return contentLosses(pair, at, [before.content, after?.content ?? {}])
}

/** Each way in that was there still leads in. */
const proofLosses = (name: string, [before, after]: Two<Record<string, string[]>[]>): string[] => {
  if (after.length === 0) return []
  if (before.length === 0) return [`${name}: wants a proof now`]
  const ways = new Set(after.map((way) => JSON.stringify(way)))
  return before.flatMap((way) =>
    ways.has(JSON.stringify(way)) ? [] : [`${name}: ${JSON.stringify(way)} does not lead in any more`],
  )
}

const contentLosses = (pair: Pair, at: string, [before, after]: Two<Content>): string[] =>
  Object.entries(before).flatMap(([type, { schema }]) => {
    const kept = after[type]
    return kept === undefined ? [`${at} as ${type} is gone`] : schemaLosses(pair, at, [schema, kept.schema])
  })

const resolved = ({ components }: Document, schema: Schema): Schema => {
  const name = schema.$ref?.split('/').at(-1)
  return name === undefined ? schema : resolved({ components } as Document, components?.schemas?.[name] ?? {})
}

const schemaLosses = (pair: Pair, at: string, [old, now]: Two<Schema>): string[] => {
  const met = `${old.$ref ?? ''}|${now.$ref ?? ''}|${at.split(': ')[1]?.split('.')[0]}`
  if (old.$ref !== undefined && pair.seen.has(met)) return []
  if (old.$ref !== undefined) pair.seen.add(met)
  const [before, after] = [resolved(pair.old, old), resolved(pair.now, now)]
  const [olds, news] = [choicesOf(before), choicesOf(after)]
  if (olds.length === 1 && news.length === 1 && olds[0] && news[0]) return plainLosses(pair, at, [olds[0], news[0]])
  return choiceLosses(pair, at, [olds, news])
}

/** Alternatives; one that is a list of types is several. */
const choicesOf = (schema: Schema): Schema[] => {
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return choices
  return Array.isArray(schema.type) ? schema.type.map((type) => ({ ...schema, type })) : [schema]
}

const choiceLosses = (pair: Pair, at: string, [olds, news]: Two<Schema[]>): string[] => {
  const fits = (old: Schema, now: Schema) => schemaLosses({ ...pair, seen: new Set() }, at, [old, now]).length === 0
  // An answer that is never null any more keeps its promise.
  const needed = pair.asked ? olds : olds.filter((one) => one.type !== 'null')
  const lost = needed.filter((old) => !news.some((now) => fits(old, now)))
  const becameNull = !pair.asked && news.some((one) => one.type === 'null') && !olds.some((one) => one.type === 'null')
  return [
    ...lost.map((old) => `${at}: ${JSON.stringify(old).slice(0, 120)} is no choice any more`),
    ...(becameNull ? [`${at} can be null now`] : []),
  ]
}

const plainLosses = (pair: Pair, at: string, [before, after]: Two<Schema>): string[] => {
  // Whatever was sent before is taken where anything is taken now; what says anything now said something before.
  const isFree = pair.asked && after.type === undefined && valuesOf(after) === undefined
  if (isFree) return []
  const wider = pair.asked && before.type === 'integer' && after.type === 'number'
  if (before.type !== after.type && !wider)
    return [`${at} was ${String(before.type ?? 'anything')}, and is ${String(after.type ?? 'anything')} now`]
  return [
    ...valueLosses(pair, at, [valuesOf(before), valuesOf(after)]),
    ...boundLosses(pair, at, [before, after]),
    ...memberLosses(pair, at, [before, after]),
    ...(before.items && after.items ? schemaLosses(pair, `${at}[]`, [before.items, after.items]) : []),
  ]
}

const valuesOf = (schema: Schema): unknown[] | undefined =>
  schema.enum ?? (schema.const === undefined ? undefined : [schema.const])

/** Asked: every value that was taken is taken. Answered: a set stays a set, and what was in it stays possible. */
const valueLosses = (pair: Pair, at: string, [before, after]: Two<unknown[] | undefined>): string[] => {
  if (after === undefined) return before !== undefined && !pair.asked ? [`${at} has no fixed values any more`] : []
  if (before === undefined) return pair.asked ? [`${at} takes fixed values only now`] : []
  return before.filter((one) => !after.includes(one)).map((one) => `${at}: the value ${JSON.stringify(one)} is gone`)
}

const smallest = ['minimum', 'minLength', 'minItems', 'exclusiveMinimum']
const largest = ['maximum', 'maxLength', 'maxItems', 'exclusiveMaximum']

const boundLosses = (pair: Pair, at: string, [before, after]: Two<Schema>): string[] => {
  if (!pair.asked) return []
  const tighter = (keyword: string, isTighter: (old: number, now: number) => boolean): string[] => {
    const [old, now] = [before[keyword], after[keyword]]
    const lost = typeof now === 'number' && (typeof old !== 'number' || isTighter(old, now))
    return lost ? [`${at}: ${keyword} is ${now} now`] : []
  }
  const patterned = after['pattern'] !== undefined && after['pattern'] !== before['pattern']
  return [
    ...smallest.flatMap((keyword) => tighter(keyword, (old, now) => now > old)),
    ...largest.flatMap((keyword) => tighter(keyword, (old, now) => now < old)),
    ...(patterned ? [`${at}: has another pattern now`] : []),
  ]
}

const memberLosses = (pair: Pair, at: string, [before, after]: Two<Schema>): string[] => {
  const [old, now] = [before.required ?? [], after.required ?? []]
  const members = Object.entries(before.properties ?? {}).flatMap(([member, schema]) => {
    const kept = after.properties?.[member]
    return kept === undefined ? [`${at}.${member} is gone`] : schemaLosses(pair, `${at}.${member}`, [schema, kept])
  })
  const promises = pair.asked
    ? now.filter((member) => !old.includes(member)).map((member) => `${at}.${member} is required now`)
    : old
        .filter((member) => !now.includes(member) && after.properties?.[member] !== undefined)
        .map((member) => `${at}.${member} can be missing now`)
  return [...members, ...promises]
}
