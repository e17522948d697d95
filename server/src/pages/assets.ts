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

const sheets = ['base.css', 'controls.css', 'parts.css', 'account.css', 'adapt.css']

/** The style sheet (several sources, one file) and the script that every page loads. */
export const loadPageAssets = (): { css: NamedAsset; js: NamedAsset } => {
  const read = (name: string) => readFileSync(new URL(`./assets/${name}`, import.meta.url))
  return {
    css: assetOf('pages.css', Buffer.concat(sheets.map(read))),
    js: assetOf('pages.js', read('pages.js')),
  }
}
