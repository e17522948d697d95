/** Owns the requests as a collection of Postman (format 2.1). */
import type { Keep, Planned } from './plan.ts'

/** What the reader fills in. */
export const variables = {
  issuer: 'http://localhost:8080',
  admin_email: 'admin@example.com',
  admin_password: '',
} as const

const origin = '{{issuer}}'

/** `a.0.b` and `a[name=x].b` as JavaScript. */
export const accessOf = (from: string): string =>
  from.split('.').reduce((text, step) => {
    const [, list, member, value] = /^(\w+)\[(\w+)=(\w+)\]$/.exec(step) ?? []
    if (list !== undefined) return `${text}.${list}.find((one) => one.${member} === '${value}')`
    return /^\d+$/.test(step) ? `${text}[${step}]` : `${text}.${step}`
  }, 'answer')

const scriptOf = ({ expected, keeps }: Planned): string[] => [
  `pm.test('answers ${expected.join(' or ')}', () => pm.expect([${expected.join(', ')}]).to.include(pm.response.code))`,
  ...(keeps.length > 0 ? ['const answer = pm.response.json()'] : []),
  ...keeps.map(({ variable, from }: Keep) => `pm.collectionVariables.set('${variable}', ${accessOf(from)})`),
]

const itemOf = (one: Planned) => {
  const [path = '', query] = one.path.split('?')
  return {
    name: one.name,
    event: [{ listen: 'test', script: { type: 'text/javascript', exec: scriptOf(one) } }],
    request: {
      method: one.method,
      ...(one.basic && {
        auth: {
          type: 'basic',
          basic: Object.entries(one.basic).map(([key, value]) => ({ key, value, type: 'string' })),
        },
      }),
      header: one.headers.map(([key, value]) => ({ key, value })),
      ...(one.body && { body: { mode: 'raw', raw: one.body.text } }),
      url: {
        raw: `${origin}${one.path}`,
        host: [origin],
        path: path.split('/').slice(1),
        ...(query !== undefined && {
          query: query.split('&').map((pair) => {
            const [key, value] = pair.split('=')
            return { key, value }
          }),
        }),
      },
    },
  }
}

/** The folders in the order in which they begin. */
export const foldersOf = (plan: readonly Planned[]): [folder: string, requests: Planned[]][] =>
  [...new Set(plan.map(({ folder }) => folder))].map((folder) => [folder, plan.filter((one) => one.folder === folder)])

/** The text of the file. */
export const renderPostman = (plan: readonly Planned[]): string => {
  const collection = {
    info: {
      name: 'Keywright',
      description:
        'Every request that needs neither a browser nor a mailbox, in an order in which all of them succeed against a fresh server. Generated from docs/openapi.json. Set issuer, admin_email and admin_password first.',
      schema: 'https://schema.getpostman.com/json/collection/v2.1.0/collection.json',
    },
    variable: Object.entries(variables).map(([key, value]) => ({ key, value })),
    event: [
      {
        listen: 'prerequest',
        script: {
          type: 'text/javascript',
          exec: ["pm.collectionVariables.set('now', new Date(Date.now() - 3600000).toISOString())"],
        },
      },
    ],
    item: foldersOf(plan).map(([name, requests]) => ({ name, item: requests.map((one) => itemOf(one)) })),
  }
  return `${JSON.stringify(collection, undefined, 2)}\n`
}
