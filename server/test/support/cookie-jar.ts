/**
 * Owns the cookies of one test client, as RFC 6265 §5 keeps and sends them, as far as our server can tell the
 * difference: name, host, path, secure, expiry. Loopback counts as secure, as it does in browsers.
 * Start reading at `cookieJar`.
 */

/** A stored cookie; `attributes` are lower case names to values as the server sent them. */
export type Cookie = { name: string; value: string; host: string; path: string; attributes: Map<string, string> }

/** The cookies of one person's browser. */
export type CookieJar = {
  /** Keeps, replaces or removes what a reply sets. */
  keep: (url: URL, setCookie: string[]) => void
  /** The Cookie header for a request, or undefined when there is nothing to send. */
  header: (url: URL) => string | undefined
  all: () => Cookie[]
  get: (name: string) => Cookie | undefined
  delete: (name: string) => void
  clear: () => void
}

/** An empty jar. */
export function cookieJar(): CookieJar {
  const cookies = new Map<string, Cookie>()
  const keyOf = (cookie: Cookie): string => `${cookie.host} ${cookie.path} ${cookie.name}`
  const all = (): Cookie[] => [...cookies.values()]
  return {
    keep: (url, setCookie) => {
      for (const line of setCookie) {
        const cookie = parseCookie(line, url)
        if (isExpired(cookie)) cookies.delete(keyOf(cookie))
        else if (maySend(cookie, url)) cookies.set(keyOf(cookie), cookie)
      }
    },
    header: (url) => {
      const sent = all().filter((cookie) => matches(cookie, url) && maySend(cookie, url))
      // RFC 6265 §5.4: longer paths first.
      const ordered = sent.toSorted((a, b) => b.path.length - a.path.length)
      return ordered.length === 0 ? undefined : ordered.map((cookie) => `${cookie.name}=${cookie.value}`).join('; ')
    },
    all,
    get: (name) => all().find((cookie) => cookie.name === name),
    delete: (name) => {
      for (const [key, cookie] of cookies) if (cookie.name === name) cookies.delete(key)
    },
    clear: () => cookies.clear(),
  }
}

function parseCookie(line: string, url: URL): Cookie {
  const [pair = '', ...rest] = line.split(';').map((part) => part.trim())
  const cut = pair.indexOf('=')
  const attributes = new Map(
    rest.map((part) => {
      const [name = '', ...value] = part.split('=')
      return [name.toLowerCase(), value.join('=')]
    }),
  )
  const path = attributes.get('path') ?? ''
  return {
    name: pair.slice(0, cut),
    value: pair.slice(cut + 1),
    host: url.hostname,
    path: path.startsWith('/') ? path : defaultPath(url),
    attributes,
  }
}

/** RFC 6265 §5.1.4. */
function defaultPath(url: URL): string {
  const cut = url.pathname.lastIndexOf('/')
  return cut <= 0 ? '/' : url.pathname.slice(0, cut)
}

function isExpired(cookie: Cookie): boolean {
  const maxAge = cookie.attributes.get('max-age')
  if (maxAge !== undefined) return Number(maxAge) <= 0
  const expires = cookie.attributes.get('expires')
  return expires !== undefined && Date.parse(expires) <= Date.now()
}

function matches(cookie: Cookie, url: URL): boolean {
  if (cookie.host !== url.hostname) return false
  const folder = cookie.path.endsWith('/') ? cookie.path : `${cookie.path}/`
  return url.pathname === cookie.path || url.pathname.startsWith(folder)
}

function maySend(cookie: Cookie, url: URL): boolean {
  const loopback = url.hostname === 'localhost' || url.hostname === '127.0.0.1' || url.hostname === '[::1]'
  return !cookie.attributes.has('secure') || url.protocol === 'https:' || loopback
}
