/** The OpenAPI document: valid OpenAPI 3.1, complete, and what a server gives is what the repository has. */
import { Validator } from '@seriousme/openapi-schema-validator'
import { describe, expect, it } from 'vitest'
import { routesFor } from '../../src/app.ts'
import { document, objectionTo, operations } from '../support/document.ts'
import { openHouse } from '../support/flow.ts'

describe('the document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(document))
    expect(errors).toBeUndefined()
    expect(valid).toBe(true)
  })

  it('has every address that answers programs', () => {
    const unknown = routesFor({ compat_paths: false })
      .filter((route) => route.errors !== 'page' && route.api === undefined)
      .map(({ method, path }) => `${method} ${path}`)
    // Styles and scripts of the pages.
    expect(unknown).toEqual(['GET /assets/:name'])
  })

  it('gives each operation an id of its own, a sentence, and at least one success', () => {
    const ids = operations.map(({ operation }) => operation.operationId)
    expect(new Set(ids).size).toBe(ids.length)
    for (const { path, operation } of operations) {
      expect(operation.summary, path).toMatch(/^[A-Z]/)
      expect(
        Object.keys(operation.responses).some((status) => status.startsWith('2')),
        path,
      ).toBe(true)
    }
  })

  it('is what a server gives, with its own address', async () => {
    const { server } = await openHouse()
    const reply = await server.client().get('/api/v1/openapi.json')
    const given = JSON.stringify(reply.json()).replaceAll(server.issuer, 'https://issuer.example')
    expect(JSON.parse(given)).toEqual(document)
  })
})

describe('answers are held against it', () => {
  const good = { method: 'GET', path: '/health/live', type: 'application/json' }
  const body = { status: 'healthy', timestamp: '2026-01-01T00:00:00.000Z', version: '1' }
  const objection = (change: object, status = 200) =>
    objectionTo({ ...good, status, body: JSON.stringify({ ...body, ...change }) })

  it('one as it should be passes', () => {
    expect(objection({})).toBeUndefined()
  })

  it.each([
    ['a member that is missing', { version: undefined }, 200, "must have required property 'version'"],
    ['a member that nobody knows', { more: 1 }, 200, 'must NOT have additional properties'],
    ['another value', { status: 'good' }, 200, 'must be equal to one of the allowed values'],
    ['another status', {}, 201, 'answers 201, which the document does not have'],
  ])('%s is found', (_name, change, status, sentence) => {
    expect(objection(change, status)).toContain(sentence)
  })
})
