/** Owns the one way to write a JSON value down that a hash or a signature needs (RFC 8785, JCS). Pure. */

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [name: string]: JsonValue }

/**
 * Writes a value in canonical form. Throws for numbers that JSON has not. Texts and numbers are written as ECMAScript does,
 * which is what the specification asks for (RFC 8785 §3.2.2).
 */
export const canonicalJson = (value: JsonValue): string => {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Error('not a JSON number')
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (isList(value)) return `[${value.map(canonicalJson).join(',')}]`
  // RFC 8785 §3.2.3: by UTF-16 code units, which is how ECMAScript sorts.
  const names = Object.keys(value).toSorted()
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonicalJson(value[name] ?? null)}`).join(',')}}`
}

const isList = (value: object): value is readonly JsonValue[] => Array.isArray(value)
