/** Owns which JSON values are let in, on whatever way they come (security rule G-6). Pure. */

/**
 * At most 32 levels, no `__proto__` or `constructor`, and text that the database can hold: without NUL, and without half of a
 * character (a lone surrogate is no text in UTF-8 either).
 */
export const isTame = (value: unknown, depth = 0): boolean => {
  if (typeof value === 'string') return isText(value)
  if (typeof value !== 'object' || value === null) return true
  if (depth >= 32) return false
  if (Array.isArray(value)) return value.every((item) => isTame(item, depth + 1))
  return Object.entries(value).every(
    ([key, item]) => key !== '__proto__' && key !== 'constructor' && isText(key) && isTame(item, depth + 1),
  )
}

const isText = (text: string): boolean => text.isWellFormed() && !text.includes('\0')
