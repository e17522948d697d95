/**
 * Owns the files that a browser loads for the pages, each under a name that carries the hash of its content, so that it may
 * be cached for ever. Never serves them (the HTTP layer does). Start reading at `assetOf`.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** Bytes ready to serve. `etag` is quoted (RFC 9110 §8.8.3). */
export type Asset = { bytes: Buffer; content_type: string; etag: string }
export type NamedAsset = Asset & { name: string }

const contentTypes: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  png: 'image/png',
  svg: 'image/svg+xml',
  webp: 'image/webp',
}

/** Gives content a name with its hash: `pages.css` becomes `pages.<12 hex digits>.css`. */
export const assetOf = (name: string, bytes: Buffer): NamedAsset => {
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 12)
  const dot = name.lastIndexOf('.')
  const extension = name.slice(dot + 1)
  return {
    name: `${name.slice(0, dot)}.${hash}.${extension}`,
    bytes,
    content_type: contentTypes[extension] ?? 'application/octet-stream',
    etag: `"${hash}"`,
  }
}

const sheets = ['base.css', 'controls.css', 'parts.css', 'account.css', 'factors.css', 'adapt.css']

export type PageAssets = Readonly<Record<'css' | 'js' | 'passkeys' | 'strength' | 'docs' | 'docsCss', NamedAsset>>

/** The style sheet (several sources, one file), the script that every page loads, and those of pages with passkeys, new passwords, the API. */
export const loadPageAssets = (): PageAssets => {
  const read = (name: string) => readFileSync(new URL(`./assets/${name}`, import.meta.url))
  return {
    css: assetOf('pages.css', Buffer.concat(sheets.map(read))),
    js: assetOf('pages.js', read('pages.js')),
    docsCss: assetOf('docs.css', read('docs.css')),
    docs: assetOf('docs.js', read('docs.js')),
    strength: assetOf('strength.js', read('strength.js')),
    passkeys: assetOf('passkeys.js', Buffer.concat([webauthnInBrowsers(), read('passkeys.js')])),
  }
}

/** The library that speaks WebAuthn in browsers, as it is published: it may not be imported by this path. */
const webauthnInBrowsers = (): Buffer => {
  const main = import.meta.resolve('@simplewebauthn/browser')
  const licence = '/* @simplewebauthn/browser, MIT licence, Copyright Matthew Miller */\n'
  return Buffer.concat([Buffer.from(licence), readFileSync(new URL('../dist/bundle/index.umd.min.js', main)), newline])
}

const newline = Buffer.from('\n')
