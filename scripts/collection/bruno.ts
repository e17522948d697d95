/** Owns the requests as a collection of Bruno: one file for each, in folders, and an environment. */
import type { Planned } from './plan.ts'
import { accessOf, foldersOf, variables } from './postman.ts'

const block = (name: string, lines: readonly string[]): string =>
  `${name} {\n${lines.map((line) => (line === '' ? '' : `  ${line}`)).join('\n')}\n}\n`

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`

const kinds: Readonly<Record<string, string>> = {
  'application/json': 'json',
  'application/x-www-form-urlencoded': 'formUrlEncoded',
}

const bodyBlock = ({ body }: Planned): string[] => {
  if (body === undefined) return []
  const kind = kinds[body.type] ?? 'text'
  if (kind !== 'formUrlEncoded') return [block(`body:${kind}`, body.text.trimEnd().split('\n'))]
  const pairs = body.text.split('&').map((pair) => pair.replace('=', ': '))
  return [block('body:form-urlencoded', pairs)]
}

const keepBlock = ({ keeps }: Planned): string[] =>
  keeps.length === 0
    ? []
    : [
        block('script:post-response', [
          'const answer = res.body;',
          ...keeps.map(({ variable, from }) => `bru.setVar('${variable}', ${accessOf(from)});`),
        ]),
      ]

const pairsBlock = (name: string, pairs: readonly (readonly [string, string])[]): string[] =>
  pairs.length === 0
    ? []
    : [
        block(
          name,
          pairs.map(([key, value]) => `${key}: ${value}`),
        ),
      ]

const requestFile = (one: Planned, seq: number): string => {
  const kind = one.body ? (kinds[one.body.type] ?? 'text') : 'none'
  const [, query] = one.path.split('?')
  const expected = `[${one.expected.join(', ')}]`
  const test = `test('answers ${one.expected.join(' or ')}', function () {`
  const target = [`url: {{issuer}}${one.path}`, `body: ${kind}`, `auth: ${one.basic ? 'basic' : 'none'}`]
  return [
    block('meta', [`name: ${one.name}`, 'type: http', `seq: ${seq}`]),
    block(one.method.toLowerCase(), target),
    ...pairsBlock('params:query', query === undefined ? [] : [...new URLSearchParams(query)]),
    ...pairsBlock('headers', one.headers),
    ...pairsBlock('auth:basic', Object.entries(one.basic ?? {})),
    ...bodyBlock(one),
    ...keepBlock(one),
    block('tests', [test, `  expect(${expected}).to.include(res.status);`, '});']),
  ].join('\n')
}

const fileName = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '')
const twoDigits = (at: number): string => String(at).padStart(2, '0')

/** Every file, by its path within the collection. */
export const renderBruno = (plan: readonly Planned[]): Record<string, string> => {
  const files: Record<string, string> = {
    'bruno.json': json({ version: '1', name: 'Keywright', type: 'collection', ignore: ['node_modules', '.git'] }),
    'collection.bru': block('script:pre-request', ["bru.setVar('now', new Date(Date.now() - 3600000).toISOString());"]),
    'environments/local.bru': block(
      'vars',
      Object.entries(variables).map(([name, value]) => `${name}: ${value}`),
    ),
  }
  for (const [at, [folder, requests]] of foldersOf(plan).entries()) {
    const name = `${twoDigits(at + 1)}-${fileName(folder)}`
    files[`${name}/folder.bru`] = block('meta', [`name: ${folder}`, `seq: ${at + 1}`])
    for (const [index, one] of requests.entries())
      files[`${name}/${twoDigits(index + 1)}-${fileName(one.id.replaceAll(/[A-Z]/g, (letter) => `-${letter}`))}.bru`] =
        requestFile(one, index + 1)
  }
  return files
}
