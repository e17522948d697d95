/** Owns docs/api-routes.md: who may call which address, out of the routes themselves. Never edited by hand. */
import { routesFor } from '../server/src/app.ts'
import { proofsOf } from '../server/src/http/openapi.ts'
import type { Route } from '../server/src/http/route.ts'

const head = `# Who may call what

Generated from the routes by \`npm run generate\`. What each address reads and answers: \`/docs\` on a server, or
[openapi.json](openapi.json). How to call: [api.md](api.md).

*Permission* is what the person or service account must hold. *Owner*: without it one works with what is one's own.
*Proof* is what a caller may show: a session of a browser (with the CSRF token), an access token for this API, an API key.
`

const proofs = { session: 'session', token: 'token', api_key: 'API key' } as const

/** Whom a route lets in, as its columns: permission, owner, proof. */
const columnsOf = (route: Route): [string, string, string] => {
  if (route.auth === 'client') return ['', '', 'client authentication']
  if (route.auth === 'bearer') return ['', '', 'token with `openid`']
  if (route.auth === 'listener') return ['`revocations:read`', '', 'token or API key']
  if (route.auth !== 'person') return ['anybody', '', '']
  const shown = proofsOf(route)
    .map((proof) => proofs[proof])
    .join(', ')
  return route.may === 'self' || route.may === undefined
    ? ['for oneself', '', shown]
    : [`\`${route.may}\``, route.orOwner === true ? 'yes' : '', shown]
}

const rowOf = (route: Route): string =>
  `| ${route.method} | \`${route.path}\` | ${columnsOf(route).join(' | ')} | ${route.summary.replaceAll('|', '\\|')} |`

const table = (routes: readonly Route[]): string =>
  [
    '| Method | Path | Permission | Owner | Proof | What |',
    '|---|---|---|---|---|---|',
    ...routes.map((route) => rowOf(route)),
  ].join('\n')

const byPath = (one: Route, other: Route): number =>
  one.path.localeCompare(other.path) || one.method.localeCompare(other.method)

/** Its text: a chapter for each tag, then the pages. */
export const renderApiRoutes = async (): Promise<string> => {
  const routes = routesFor({ compat_paths: false }).toSorted(byPath)
  const tags = [...new Set(routes.flatMap(({ api }) => (api ? [api.tag] : [])))].toSorted()
  const chapters = tags.map((tag) => `## ${tag}\n\n${table(routes.filter(({ api }) => api?.tag === tag))}\n`)
  const pages = routes
    .filter(({ api }) => api === undefined)
    .map(({ method, path, summary }) => `| ${method} | \`${path}\` | ${summary} |`)
  const last = `## Pages\n\nFor people in a browser; what a page needs is asked on the way to it.\n\n| Method | Path | What |\n|---|---|---|\n${pages.join('\n')}\n`
  return await Promise.resolve([head, ...chapters, last].join('\n'))
}
