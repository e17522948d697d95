/**
 * The request collections: every request of them succeeds, one after the other, against a server that is as fresh as after its first
 * administrator; and each operation of the document is in them, or is left out for a reason that is said.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { type Document, planOf } from '../../../scripts/collection/plan.ts'
import { skipped } from '../../../scripts/collection/table.ts'
import { brunoCalls, type Call, postmanCalls, runCollection } from '../support/collection.ts'
import { freshDatabase } from '../support/database.ts'
import { document, operations } from '../support/document.ts'
import { openHouse } from '../support/flow.ts'

const file = (name: string): string => fileURLToPath(new URL(`../../../docs/collection/${name}`, import.meta.url))
const collections: [string, () => Call[]][] = [
  ['Postman', () => postmanCalls(readFileSync(file('keywright.postman_collection.json'), 'utf8'))],
  ['Bruno', () => brunoCalls(file('bruno'))],
]

describe.each(collections)('%s', (_name, read) => {
  it('every request succeeds against a fresh server', { timeout: 120_000 }, async () => {
    const house = await openHouse({ database: await freshDatabase() })
    const admin = await house.person({ email: 'admin@example.com', roles: ['admin'] })
    const variables = new Map([
      ['issuer', house.server.issuer],
      ['admin_email', admin.email],
      ['admin_password', admin.password],
    ])
    const ran = await runCollection(house.server.client(), read(), variables)
    expect(ran.flatMap(({ name, problem }) => (problem === undefined ? [] : [`${name}: ${problem}`]))).toEqual([])
    expect(ran.length).toBeGreaterThan(150)
  })
})

it('both have the same requests in the same order', () => {
  const [one, other] = collections.map(([, read]) => read().map(({ method, url }) => `${method} ${url}`))
  expect(one).toEqual(other)
})

it('each operation is there, or left out for a reason', () => {
  const there = new Set(planOf(document as unknown as Document).map(({ id }) => id))
  const ids = operations.map(({ operation }) => operation.operationId)
  expect(ids.filter((id) => !there.has(id)).toSorted()).toEqual(Object.keys(skipped).toSorted())
})
