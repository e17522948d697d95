/** Each rule fires on a small tree made for it, names the place, and stays silent on the allowed neighbour. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { findBreaches } from './import-rules.ts'

const trees: string[] = []
afterEach(() => {
  for (const root of trees.splice(0)) rmSync(root, { recursive: true })
})

/** Writes a source tree and returns its breaches as `file:line rule`. */
function breaches(files: Record<string, string>): string[] {
  const root = mkdtempSync(join(tmpdir(), 'import-rules-'))
  trees.push(root)
  for (const [path, code] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), code)
  }
  return findBreaches(root).map((one) => `${one.file}:${one.line} ${one.rule}`)
}

test('a tree that goes down only has no breach', () => {
  const files = {
    'main.ts': `await import('./app.ts')`,
    'app.ts': `import { routes } from './token/routes.ts'\nexport const all = [routes]`,
    'ctx.ts': `import { sign } from './keys/signer.ts'\nexport type Ctx = { sign: typeof sign }`,
    'keys/signer.ts': `import type { Ctx } from '../ctx.ts'\nexport const sign = (ctx: Ctx) => ctx`,
    'token/routes.ts': `import { load } from './store.ts'\nimport { record } from '../events/record.ts'\nexport const routes = [load, record]`,
    'token/store.ts': `import { row } from '../db/connect.ts'\nexport const load = row`,
    'events/record.ts': `import { scope } from '../protocol/scope.ts'\nexport const record = scope`,
    'db/connect.ts': `export const row = 1`,
    'protocol/scope.ts': `import type { JWK } from 'jose'\nimport { createHash } from 'node:crypto'\nexport const scope = (key: JWK) => createHash(key.kty)`,
  }
  expect(breaches(files)).toEqual([])
})

test.each([
  ['a static import', `import { a } from '../clients/admin.ts'`],
  ['a type import', `import type { A } from '../clients/admin.ts'`],
  ['a type of an import', `export type A = import('../clients/admin.ts').A`],
  ['a dynamic import', `export const a = await import('../clients/admin.ts')`],
  ['an export', `export { a } from '../clients/admin.ts'`],
  ['an export of everything', `export * from '../clients/admin.ts'`],
])('an upward import is found in %s', (_form, code) => {
  expect(breaches({ 'http/server.ts': `// line one\n${code}`, 'clients/admin.ts': 'export const a = 1' })).toEqual([
    'http/server.ts:2 upward import',
  ])
})

test.each([
  ['a slice', 'app.ts', 'token/a.ts', '../app.ts'],
  ['events', 'token/a.ts', 'events/a.ts', '../token/a.ts'],
  ['db', 'events/a.ts', 'db/a.ts', '../events/a.ts'],
  ['config', 'protocol/a.ts', 'config/a.ts', '../protocol/a.ts'],
  ['a slice, by value, of ctx', 'ctx.ts', 'token/a.ts', '../ctx.ts'],
])('an upward import of %s is found', (_who, target, from, specifier) => {
  expect(breaches({ [target]: 'export const a = 1', [from]: `import { a } from '${specifier}'` })).toEqual([
    `${from}:1 upward import`,
  ])
})

test('words in comments and strings are no imports', () => {
  expect(breaches({ 'db/a.ts': `// import { a } from '../app.ts'\nexport const a = "from '../app.ts'"` })).toEqual([])
})

test('a file outside server/src cannot be imported', () => {
  expect(breaches({ 'token/a.ts': `import { a } from '../../../scripts/a.ts'` })).toEqual([
    'token/a.ts:1 upward import',
  ])
})

test('a folder without a place in the order is found', () => {
  expect(breaches({ 'helpers/a.ts': 'export const a = 1' })).toEqual(['helpers/a.ts:1 unknown area'])
})

test('the store of another slice is found, from a slice and from above', () => {
  const files = { 'clients/store.ts': 'export const a = 1', 'clients/admin.ts': `import { a } from './store.ts'` }
  expect(breaches(files)).toEqual([])
  expect(breaches({ ...files, 'token/a.ts': `import { a } from '../clients/store.ts'` })).toEqual([
    'token/a.ts:1 foreign store',
  ])
  expect(breaches({ ...files, 'app.ts': `import { a } from './clients/store.ts'` })).toEqual(['app.ts:1 foreign store'])
  const second = { 'keys/rotation-store.ts': 'export const a = 1', 'token/a.ts': `import '../keys/rotation-store.ts'` }
  expect(breaches(second)).toEqual(['token/a.ts:1 foreign store'])
  expect(breaches({ 'io/restore.ts': 'export const a = 1', 'token/a.ts': `import '../io/restore.ts'` })).toEqual([])
})

test.each([
  `import { jwtVerify } from 'jose'`,
  `import { randomBytes } from 'node:crypto'`,
  `import * as crypto from 'node:crypto'`,
  `export * from 'node:crypto'`,
  `import { readFileSync } from 'node:fs'`,
  `import type { Config } from '../config/schema.ts'`,
  `import { z } from 'zod'`,
  `export const now = Date.now()`,
  `export const now = new Date()`,
  `export const random = Math.random()`,
  `export const platform = process.platform`,
])('protocol/ is pure: %s', (code) => {
  const files = { 'config/schema.ts': 'export type Config = 1', 'protocol/a.ts': code }
  expect(breaches(files)).toEqual(['protocol/a.ts:1 pure protocol'])
})

test.each([
  `export const a = process.env.PORT`,
  `export const a = process['env']`,
  `export const a = globalThis.process.env`,
  `const { env } = process`,
  `import { env } from 'node:process'`,
])('the environment has one door: %s', (code) => {
  expect(breaches({ 'token/a.ts': code })).toEqual(['token/a.ts:1 one door: environment'])
  expect(breaches({ 'config/load.ts': code })).toEqual([])
})

test.each([
  `export const a = fetch('http://localhost')`,
  `export const a = globalThis.fetch('http://localhost')`,
  `import { request } from 'undici'`,
  `export const a = await import('undici')`,
  `import http from 'node:http'\nhttp.request({})`,
  `import * as tls from 'node:https'\ntls.get('https://localhost')`,
  `import { get } from 'node:http'`,
  `import { createRemoteJWKSet } from 'jose'`,
  `export const a = new WebSocket('ws://localhost')`,
  `const { request } = process.getBuiltinModule('node:http')`,
])('the network has one door: %s', (code) => {
  expect(breaches({ 'token/a.ts': code })).toEqual([`token/a.ts:${code.split('\n').length} one door: outbound`])
  expect(breaches({ 'io/outbound.ts': code })).toEqual([])
})

test('the types of undici and node:http, and a method of our own named fetch, are no network', () => {
  const code = `import type { Dispatcher } from 'undici'\nimport type { Server } from 'node:http'\nexport const a = (ctx: { outbound: { fetch: () => Dispatcher } }, _: Server) => ctx.outbound.fetch()`
  expect(breaches({ 'token/a.ts': code })).toEqual([])
})

test.each([
  `import fastify from 'fastify'`,
  `import cookie from '@fastify/cookie'`,
  `import type { A } from 'fastify'`,
])('fastify is known to http/ only: %s', (code) => {
  expect(breaches({ 'token/a.ts': code })).toEqual(['token/a.ts:1 fastify at the edge'])
  expect(breaches({ 'http/a.ts': code })).toEqual([])
})

test('a file of 301 lines is too long, tests too, a generated one is not', () => {
  const lines = (count: number): string => '// one line\n'.repeat(count)
  const files = { 'token/a.ts': lines(301), 'token/b.ts': lines(300), 'token/a.test.ts': lines(301) }
  expect(breaches({ ...files, 'db/tables.gen.ts': lines(301) })).toEqual([
    'token/a.test.ts:301 file length',
    'token/a.ts:301 file length',
  ])
})

test('a test beside its file may import what it needs', () => {
  const files = { 'clients/store.ts': 'export const a = 1', 'db/a.test.ts': `import { a } from '../clients/store.ts'` }
  expect(breaches(files)).toEqual([])
})

test('a circle is found once, with its way, also through types and through a file that imports itself', () => {
  const files = {
    'token/a.ts': `import { b } from './b.ts'\nexport const a = b`,
    'token/b.ts': `import { c } from '../clients/c.ts'\nexport const b = c`,
    'clients/c.ts': `export const x = 1\nimport type { A } from '../token/a.ts'`,
    'users/self.ts': `import { self } from './self.ts'`,
  }
  expect(breaches(files)).toEqual(['token/b.ts:1 import cycle', 'users/self.ts:1 import cycle'])
})

test('a file that cannot be parsed stops the check', () => {
  expect(() => breaches({ 'token/a.ts': 'import {' })).toThrow()
})
