/**
 * Owns a browser without JavaScript for the tests: cookies, redirects, links and forms over fetch. Like a real one it
 * knows no ports in cookies, and sends a form as it stands in the page.
 */

export type Page = { url: URL; status: number; text: string; headers: Headers }

export type Browser = {
  open: (address: string) => Promise<Page>
  /** Presses a button: the form of a page whose button says `label`, with its hidden fields and what was typed. */
  press: (page: Page, label: string, typed?: Record<string, string>) => Promise<Page>
  /** Posts fields that stand in no page. */
  post: (address: string, fields: Record<string, string>) => Promise<Page>
  cookies: Map<string, string>
}

type Sent = { method?: string; body?: URLSearchParams; headers?: Record<string, string> }

const maxRedirects = 15

/** A browser with an empty cookie jar. */
export const openBrowser = (): Browser => {
  const cookies = new Map<string, string>()
  const go = async (address: string, init: Sent, redirects = 0): Promise<Page> => {
    const response = await fetch(address, {
      ...init,
      redirect: 'manual',
      headers: { ...init.headers, cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
    })
    for (const line of response.headers.getSetCookie()) keepCookie(cookies, line)
    const location = response.headers.get('location')
    if (location === null) return readPage(address, response)
    await response.body?.cancel()
    if (redirects === maxRedirects) throw new Error(`too many redirects, the last to ${location.split('?')[0]}`)
    return go(new URL(location, address).href, {}, redirects + 1)
  }
  const post = (address: string, fields: Record<string, string>): Promise<Page> =>
    go(address, { method: 'POST', body: new URLSearchParams(fields), headers: { origin: new URL(address).origin } })
  return {
    cookies,
    open: (address) => go(address, {}),
    post,
    press: (page, label, typed = {}) => {
      const form = formOf(page, label)
      return post(new URL(form.action, page.url).href, { ...form.fields, ...typed })
    },
  }
}

const readPage = async (address: string, response: Response): Promise<Page> => ({
  url: new URL(address),
  status: response.status,
  text: await response.text(),
  headers: response.headers,
})

const keepCookie = (cookies: Map<string, string>, line: string): void => {
  const [pair = '', ...attributes] = line.split(/; */)
  const [name = '', value = ''] = pair.split('=')
  const gone = value === '' || attributes.some((attribute) => /^max-age=0$/i.test(attribute))
  if (gone) cookies.delete(name)
  else cookies.set(name, value)
}

/** The form that holds the button; the button's own name and value are sent along, as browsers do. */
const formOf = (page: Page, label: string): { action: string; fields: Record<string, string> } => {
  for (const [form] of page.text.matchAll(/<form\b.*?<\/form>/gs)) {
    const button = [...form.matchAll(/<button\b([^>]*)>(.*?)<\/button>/gs)].find(([, , text]) => textOf(text) === label)
    if (!button) continue
    const fields: Record<string, string> = {}
    for (const [, attributes = ''] of form.matchAll(/<input\b([^>]*)>/gs)) addField(fields, attributes)
    addField(fields, button[1] ?? '')
    return { action: attribute(/<form\b([^>]*)>/s.exec(form)?.[1] ?? '', 'action') ?? page.url.href, fields }
  }
  throw new Error(`no button "${label}" at ${page.url.pathname} (${page.status}): ${textOf(page.text).slice(0, 2000)}`)
}

const addField = (fields: Record<string, string>, attributes: string): void => {
  const name = attribute(attributes, 'name')
  if (name === undefined) return
  if (/type="?(checkbox|radio)/.test(attributes) && !/\bchecked\b/.test(attributes)) return
  fields[name] = attribute(attributes, 'value') ?? ''
}

const attribute = (attributes: string, name: string): string | undefined => {
  const found = new RegExp(`(?:^|\\s)${name}=(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`, 's').exec(attributes)
  const value = found?.[1] ?? found?.[2] ?? found?.[3]
  return value?.replace(/&(amp|lt|gt|quot|#39|#x27);/g, (entity) => entities[entity] ?? entity)
}

const entities: Record<string, string> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
  '&#x27;': "'",
}

/** What stands in a page, as words. */
export const textOf = (markup: string | undefined): string =>
  (markup ?? '')
    .replace(/<(head|style|svg)\b.*?<\/\1>/gs, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
