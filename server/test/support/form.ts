/**
 * Owns finding the forms of a page, as a browser without JavaScript would submit them. Knows just enough HTML for our
 * own pages. Start reading at `parseForms`.
 */

/** A form: where it goes, what it would send untouched, and its submit buttons. `action` is as the page says it. */
export type Form = { action: string; method: 'get' | 'post'; id: string; fields: Field[]; buttons: Button[] }
export type Field = { name: string; value: string }
export type Button = { name: string; value: string; text: string }

type Tag = { name: string; attributes: Map<string, string>; index: number; end: number }

/** The forms of a page in order. Unchecked boxes are left out, disabled controls too, as HTML says. */
export function parseForms(html: string): Form[] {
  const tags = [...readTags(html.replaceAll(/<!--.*?-->/gs, ''))]
  const page = html.replaceAll(/<!--.*?-->/gs, '')
  return tags.flatMap((tag, position) => {
    if (tag.name !== 'form') return []
    const close = tags.findIndex((other, index) => index > position && other.name === '/form')
    return [readForm(tag, tags.slice(position + 1, close === -1 ? undefined : close), page)]
  })
}

function readForm(form: Tag, inside: Tag[], page: string): Form {
  const controls = inside.filter((tag) => !tag.attributes.has('disabled'))
  return {
    action: form.attributes.get('action') ?? '',
    method: form.attributes.get('method')?.toLowerCase() === 'post' ? 'post' : 'get',
    id: form.attributes.get('id') ?? '',
    fields: controls.flatMap((tag, index) => readField(tag, controls.slice(index + 1), page)),
    buttons: controls.filter(isButton).map((tag) => ({
      name: tag.attributes.get('name') ?? '',
      value: tag.attributes.get('value') ?? '',
      text: tag.name === 'button' ? textAfter(tag, page) : (tag.attributes.get('value') ?? ''),
    })),
  }
}

function isButton(tag: Tag): boolean {
  const type = tag.attributes.get('type')?.toLowerCase()
  return tag.name === 'button' ? type === undefined || type === 'submit' : tag.name === 'input' && type === 'submit'
}

function readField(tag: Tag, following: Tag[], page: string): Field[] {
  const name = tag.attributes.get('name')
  if (name === undefined) return []
  const value = tag.attributes.get('value')
  if (tag.name === 'textarea') return [{ name, value: textAfter(tag, page) }]
  if (tag.name === 'select') return [{ name, value: selected(following, page) }]
  if (tag.name !== 'input') return []
  const type = tag.attributes.get('type')?.toLowerCase() ?? 'text'
  if (['submit', 'button', 'reset', 'image', 'file'].includes(type)) return []
  if (type !== 'checkbox' && type !== 'radio') return [{ name, value: value ?? '' }]
  return tag.attributes.has('checked') ? [{ name, value: value ?? 'on' }] : []
}

/** The value of the option that is selected, or of the first. */
function selected(following: Tag[], page: string): string {
  const end = following.findIndex((tag) => tag.name === '/select')
  const options = following.slice(0, end === -1 ? undefined : end).filter((tag) => tag.name === 'option')
  const chosen = options.find((tag) => tag.attributes.has('selected')) ?? options[0]
  return chosen === undefined ? '' : (chosen.attributes.get('value') ?? textAfter(chosen, page))
}

/** The text from a tag to the end of its element, tags inside left out. */
function textAfter(tag: Tag, page: string): string {
  const close = page.indexOf(`</${tag.name}`, tag.end)
  return decode(page.slice(tag.end, close === -1 ? undefined : close).replaceAll(/<[^>]*>/g, '')).trim()
}

function* readTags(page: string): Generator<Tag> {
  const pattern = /<(\/?(?:form|input|button|select|option|textarea))\b((?:[^>"']|"[^"]*"|'[^']*')*)>/gi
  for (const match of page.matchAll(pattern)) {
    const [whole, name = '', rest = ''] = match
    yield {
      name: name.toLowerCase(),
      attributes: readAttributes(rest),
      index: match.index,
      end: match.index + whole.length,
    }
  }
}

function readAttributes(text: string): Map<string, string> {
  const pattern = /([^\s=/"']+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g
  return new Map(
    [...text.matchAll(pattern)].map(([, name = '', double, single, bare]) => [
      name.toLowerCase(),
      decode(double ?? single ?? bare ?? ''),
    ]),
  )
}

const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' }

/** Text with its character references replaced (those that templates write: named basics, decimal, hexadecimal). */
export function decode(text: string): string {
  return text.replaceAll(
    /&(?:#x([0-9a-f]+)|#(\d+)|([a-z]+));/gi,
    (whole, hex?: string, decimal?: string, name?: string) => {
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16))
      if (decimal !== undefined) return String.fromCodePoint(Number(decimal))
      return entities[name ?? ''] ?? whole
    },
  )
}
