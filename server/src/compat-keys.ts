/** Owns the older systems' paths of API keys and of the examples: system C's, whose keys were `is_active` or not. */
import type { Row } from './compat-row.ts'
import type { Reply } from './http/reply.ts'

const keys = '/api/v1/api-keys'
const examples = '/api/v1/examples'

const olderKey = (key: Record<string, unknown>): Record<string, unknown> => ({
  ...key,
  is_active: key['status'] === 'active',
})

/** A key, or a list of them, with the member that the older system documented; its list was the bare array. */
const withActive = (ours: Reply): Reply => {
  if (ours.kind !== 'json' || ours.status >= 300) return ours
  const body = ours.body as Record<string, unknown>
  const list = body['api_keys']
  return {
    ...ours,
    body: Array.isArray(list) ? list.map((one) => olderKey(one as Record<string, unknown>)) : olderKey(body),
  }
}

const row = (method: Row['method'], path: string, to: string): Row => ({
  from: 'C',
  method,
  path,
  to,
  response: withActive,
})

const names = [
  'public',
  'jwt-only',
  'apikey-only',
  'either-auth',
  'admin-only',
  'read-users-permission',
  'write-users-permission',
]

export const keyRows: readonly Row[] = [
  row('GET', '/api-keys', keys),
  row('POST', '/api-keys', keys),
  row('GET', '/api-keys/:id', `${keys}/:id`),
  row('DELETE', '/api-keys/:id', `${keys}/:id`),
  row('POST', '/api-keys/:id/rotate', `${keys}/:id/rotate`),
  ...['activate', 'deactivate'].flatMap((act) => [
    row('PATCH', `/api-keys/:id/${act}`, `${keys}/:id/${act}`),
    row('POST', `/api-keys/:id/${act}`, `${keys}/:id/${act}`),
  ]),
  ...names.flatMap((name): Row[] => [
    { from: 'C', method: 'GET', path: `/examples/${name}`, to: `${examples}/${name}` },
    { from: 'C', method: 'GET', path: `/demo/${name}`, to: `${examples}/${name}` },
  ]),
]
