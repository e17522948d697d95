/**
 * Owns the making of HTML text: whatever is put into a template is escaped, unless it is HTML already.
 * Knows nothing of this application's pages.
 */

/** Markup that is safe as it stands. */
export type Html = { readonly markup: string }

type Value = Html | readonly Html[] | string | number | undefined

/** Template tag: text and numbers are escaped, markup and lists of it go in as they are, undefined is nothing. */
export const html = (parts: TemplateStringsArray, ...values: Value[]): Html => ({
  markup: parts.map((part, index) => part + markupOf(values[index])).join(''),
})

/** Escapes for text and for quoted attributes. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (char) => entities[char] ?? char)

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

const markupOf = (value: Value): string => {
  if (value === undefined) return ''
  if (typeof value === 'string') return escapeHtml(value)
  if (typeof value === 'number') return String(value)
  return 'markup' in value ? value.markup : value.map((item) => item.markup).join('')
}
