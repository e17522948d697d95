/** The API may only grow: what is a loss is found and named, what is a gain passes, and the last tag is what counts. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Document, lossesOf, type Schema } from './openapi-compare.ts'
import { compareWithTag } from './openapi-grows.ts'

const named = { $ref: '#/components/schemas/Thing' }
const thing: Schema = {
  type: 'object',
  properties: {
    id: { type: 'string' },
    kind: { enum: ['one', 'two'], type: 'string' },
    note: { anyOf: [{ type: 'string' }, { type: 'null' }] },
    more: { type: 'array', items: named },
  },
  required: ['id', 'kind'],
}
const wish: Schema = {
  type: 'object',
  properties: { name: { type: 'string', maxLength: 100 }, kind: { type: 'string', enum: ['one', 'two'] } },
  required: ['name'],
  additionalProperties: false,
}

const base = (): Document =>
  structuredClone({
    paths: {
      '/things': {
        get: {
          parameters: [{ name: 'limit', in: 'query', required: false, schema: { type: 'integer', maximum: 200 } }],
          responses: { 200: { content: { 'application/json': { schema: { type: 'array', items: named } } } } },
        },
        post: {
          security: [{ session: [] }, { token: ['admin'] }],
          requestBody: { content: { 'application/json': { schema: wish } } },
          responses: { 201: { content: { 'application/json': { schema: named } } }, 204: {} },
        },
      },
      '/others': { get: { responses: { 204: {} } } },
    },
    components: { schemas: { Thing: thing } },
  })

type Change = (document: Document) => void

/** What stands at a path below a document, and its last step. */
const placeOf = (document: Document, path: readonly string[]): [Record<string, unknown>, string] => {
  const parent = path.slice(0, -1).reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], document)
  return [parent as Record<string, unknown>, path.at(-1) ?? '']
}
const put =
  (path: readonly string[], value: unknown): Change =>
  (document) => {
    const [parent, step] = placeOf(document, path)
    parent[step] = value
  }
const gone =
  (...path: string[]): Change =>
  (document) => {
    const [parent, step] = placeOf(document, path)
    delete parent[step]
  }
const add =
  (path: readonly string[], value: unknown): Change =>
  (document) => {
    const [parent, step] = placeOf(document, path)
    parent[step] = [...((parent[step] ?? []) as unknown[]), value]
  }
const last =
  (...path: string[]): Change =>
  (document) => {
    const [parent, step] = placeOf(document, path)
    parent[step] = (parent[step] as unknown[]).slice(0, -1)
  }

const after = (...changes: Change[]): string[] => {
  const now = base()
  for (const change of changes) change(now)
  return lossesOf(base(), now)
}

const list = ['paths', '/things', 'get']
const limit = [...list, 'parameters', '0']
const make = ['paths', '/things', 'post']
const body = [...make, 'requestBody', 'content', 'application/json', 'schema']
const answer = ['components', 'schemas', 'Thing']
const text = { type: 'string' }
const query = (required: boolean) => ({ name: 'q', in: 'query', required, schema: text })

describe('losses', () => {
  const cases: [name: string, changes: Change[], loss: string][] = [
    ['a path', [gone('paths', '/others')], '/others is gone'],
    ['a method', [gone(...make)], 'POST /things is gone'],
    ['a parameter', [last(...list, 'parameters')], 'GET /things: the query parameter limit is gone'],
    [
      'a new required parameter',
      [add([...list, 'parameters'], query(true))],
      'GET /things: the query parameter q is new and required',
    ],
    [
      'a parameter that becomes required',
      [put([...limit, 'required'], true)],
      'GET /things: the query parameter limit is required now',
    ],
    [
      'a lower maximum',
      [put([...limit, 'schema', 'maximum'], 100)],
      'GET /things: the query parameter limit: maximum is 100 now',
    ],
    [
      'a new required member of a body',
      [put([...body, 'properties', 'size'], text), add([...body, 'required'], 'size')],
      'POST /things: body.size is required now',
    ],
    ['a member of a body', [gone(...body, 'properties', 'kind')], 'POST /things: body.kind is gone'],
    [
      'a value that may be asked',
      [last(...body, 'properties', 'kind', 'enum')],
      'POST /things: body.kind: the value "two" is gone',
    ],
    [
      'a free text that gets fixed values',
      [put([...body, 'properties', 'name', 'enum'], ['a'])],
      'POST /things: body.name takes fixed values only now',
    ],
    [
      'a shorter text',
      [put([...body, 'properties', 'name', 'maxLength'], 9)],
      'POST /things: body.name: maxLength is 9 now',
    ],
    ['a member of an answer', [gone(...answer, 'properties', 'id')], 'GET /things: answer 200[].id is gone'],
    [
      'a member of an answer that may be missing',
      [last(...answer, 'required')],
      'GET /things: answer 200[].kind can be missing now',
    ],
    [
      'a member of an answer that can be null',
      [put([...answer, 'properties', 'id'], { anyOf: [text, { type: 'null' }] })],
      'GET /things: answer 200[].id can be null now',
    ],
    [
      'another type in an answer',
      [put([...answer, 'properties', 'id', 'type'], 'integer')],
      'GET /things: answer 200[].id was string, and is integer now',
    ],
    [
      'a value that an answer can have',
      [last(...answer, 'properties', 'kind', 'enum')],
      'GET /things: answer 200[].kind: the value "two" is gone',
    ],
    [
      'the fixed values of an answer',
      [gone(...answer, 'properties', 'kind', 'enum')],
      'GET /things: answer 200[].kind has no fixed values any more',
    ],
    ['a success', [gone(...make, 'responses', '204')], 'POST /things: answer 204 is gone'],
    ['a kind of proof', [last(...make, 'security')], 'POST /things: {"token":["admin"]} does not lead in any more'],
    [
      'an open door',
      [put(['paths', '/others', 'get', 'security'], [{ session: [] }])],
      'GET /others: wants a proof now',
    ],
  ]
  it.each(cases)('%s', (_name, changes, loss) => {
    expect(after(...changes)).toContain(loss)
  })
})

describe('gains', () => {
  const cases: [name: string, changes: Change[]][] = [
    ['nothing changed', []],
    ['a path', [put(['paths', '/new'], { get: { responses: {} } })]],
    ['a method', [put(['paths', '/others', 'post'], { responses: {} })]],
    ['an optional parameter', [add([...list, 'parameters'], query(false))]],
    ['an optional member of a body', [put([...body, 'properties', 'size'], text)]],
    ['one more value that may be asked', [add([...body, 'properties', 'kind', 'enum'], 'three')]],
    ['fixed values that are free now', [gone(...body, 'properties', 'kind', 'enum')]],
    ['a longer text', [put([...body, 'properties', 'name', 'maxLength'], 200)]],
    ['a member of a body that is not required any more', [put([...body, 'required'], [])]],
    ['a member of an answer', [put([...answer, 'properties', 'size'], text)]],
    ['one more value in an answer', [add([...answer, 'properties', 'kind', 'enum'], 'three')]],
    ['an answer that is never null any more', [put([...answer, 'properties', 'note'], text)]],
    ['one more way in', [add([...make, 'security'], { api_key: [] })]],
    ['one more refusal', [put(['paths', '/others', 'get', 'responses', '404'], {})]],
  ]
  it.each(cases)('%s', (_name, changes) => {
    expect(after(...changes)).toEqual([])
  })
})

describe('the last tag', () => {
  let folder = ''
  const git = (...args: string[]) =>
    spawnSync('git', ['-c', 'user.name=T', '-c', 'user.email=t@example.org', ...args], { cwd: folder })
  const write = (document: Document) => writeFileSync(join(folder, 'docs/openapi.json'), JSON.stringify(document))
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'grows-'))
    mkdirSync(join(folder, 'docs'))
    write(base())
    git('init', '-q')
    git('add', '.')
    git('commit', '-qm', 'a')
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('is not there yet: it says so and passes', () => {
    expect(compareWithTag(folder)).toEqual({
      lines: ['No tag yet: there is no promise to hold the API to.'],
      passed: true,
    })
  })

  it('is what counts, not the last commit', () => {
    git('tag', 'v1.0.0')
    expect(compareWithTag(folder).passed).toBe(true)
    const now = base()
    gone('paths', '/others')(now)
    write(now)
    git('commit', '-qam', 'b')
    expect(compareWithTag(folder)).toEqual({
      lines: ['The API lost something since v1.0.0; within v1 it may only grow:', '/others is gone'],
      passed: false,
    })
  })
})
