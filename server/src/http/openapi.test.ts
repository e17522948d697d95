/** The OpenAPI document: valid 3.1, and what it says follows from the routes. */
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { apiRoute, pageQuery } from './api-route.ts'
import { openApiOf, operationIdOf } from './openapi.ts'
import { empty } from './reply.ts'
import { route } from './route.ts'

const thing = z.object({ id: z.uuid(), name: z.string() }).meta({ id: 'Thing' })
const handler = async () => await Promise.resolve(empty(204))
const common = { tag: 'Things', summary: 'S', handler } as const
const routes = [
  apiRoute({
    ...common,
    method: 'GET',
    path: '/api/v1/things',
    may: 'users:read',
    query: pageQuery,
    answers: { 200: z.array(thing) },
  }),
  apiRoute({
    ...common,
    method: 'POST',
    path: '/api/v1/things',
    may: 'users:write',
    body: z.strictObject({ name: z.string() }),
    answers: { 201: thing },
    creates: true,
  }),
  apiRoute({
    ...common,
    method: 'PATCH',
    path: '/api/v1/things/:id',
    may: 'users:write',
    orOwner: true,
    answers: { 204: 'empty' },
    refuses: [412],
  }),
  apiRoute({ ...common, method: 'GET', path: '/api/v1/self', may: 'self', answers: { 204: 'empty' } }),
  apiRoute({
    ...common,
    method: 'GET',
    path: '/api/v1/keys-only',
    may: 'self',
    keys: true,
    proofs: ['api_key'],
    answers: { 204: 'empty' },
  }),
  route({ method: 'GET', path: '/page', auth: 'none', errors: 'page', summary: 'P', handler }),
]
const document = openApiOf(routes, { issuer: 'https://issuer.example', version: '1.0.0' })

/** As much of it as the tests look at. */
type Operation = {
  security: Record<string, string[]>[]
  parameters?: { name: string; in: string; required: boolean }[]
  requestBody?: { content: Record<string, { schema: unknown }> }
  responses: Record<string, { content?: Record<string, { schema: unknown }> }>
}
const operation = (method: string, path: string): Operation => document.paths[path]?.[method] as Operation

describe('the document', () => {
  it('has the routes that say what they answer, and no page', () => {
    expect(Object.keys(document.paths)).toEqual([
      '/api/v1/things',
      '/api/v1/things/{id}',
      '/api/v1/self',
      '/api/v1/keys-only',
    ])
  })

  it('names shared schemas once', () => {
    const reference = { $ref: '#/components/schemas/Thing' }
    expect(operation('post', '/api/v1/things').responses['201']?.content?.['application/json']?.schema).toEqual(
      reference,
    )
    expect(operation('get', '/api/v1/things').responses['200']?.content?.['application/json']?.schema).toMatchObject({
      items: reference,
    })
    expect(document.components['schemas']).toHaveProperty('Thing.properties.name')
  })

  it('tells parameters of path, query and header apart', () => {
    const names = (method: string, path: string) =>
      operation(method, path).parameters?.map((one) => `${one.in} ${one.name}`)
    expect(names('get', '/api/v1/things')).toEqual(['query limit', 'query cursor'])
    expect(names('post', '/api/v1/things')).toEqual(['header Idempotency-Key'])
    expect(names('patch', '/api/v1/things/{id}')).toEqual(['path id', 'header If-Match'])
  })

  it('says every status that can come', () => {
    const statuses = Object.keys(operation('post', '/api/v1/things').responses)
    expect(statuses).toEqual([
      '201',
      '400',
      '401',
      '403',
      '409',
      '413',
      '414',
      '415',
      '421',
      '422',
      '429',
      '431',
      '503',
    ])
    expect(Object.keys(operation('patch', '/api/v1/things/{id}').responses)).toContain('412')
  })

  it('says who may call, and with what', () => {
    expect(operation('get', '/api/v1/self').security).toEqual([{ session: [] }, { token: ['account'] }])
    expect(operation('get', '/api/v1/keys-only').security).toEqual([{ api_key: [] }])
    expect(operation('post', '/api/v1/things').security).toEqual([
      { session: [] },
      { token: ['admin'] },
      { api_key: [] },
    ])
    expect(operation('patch', '/api/v1/things/{id}').security).toContainEqual({ token: ['account'] })
  })
})

it('an operation has one id, made from its address', () => {
  expect(operationIdOf({ method: 'GET', path: '/api/v1/api-keys/:id' })).toBe('getApiKeysId')
})
