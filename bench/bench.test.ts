/** Owns the tests of what the bench judges: answers, bars, options. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { figure, judge, lineSpecs } from './bars.ts'
import { createCheck } from './check-answer.ts'
import { headersOf } from './connection.ts'
import type { Check, Job } from './job.ts'
import { median } from './measure.ts'
import { asksForHelp, readOptions } from './options.ts'
import { cpuSeconds, memoryMb } from './processes.ts'

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const jwt = (alg: string): string => `${part({ alg })}.${part({})}.${'s'.repeat(86)}`
const tokens = { token_type: 'Bearer', access_token: jwt('RS256'), id_token: jwt('RS256'), refresh_token: 'kw_rt_1' }
const wanted: Check = { kind: 'tokens', alg: 'RS256', id_token: true, refresh_token: true }
const to = 'https://a-client.example/callback'

const judged = (check: Check, answer: { status?: number; body?: object; head?: string }, collect?: Job['collect']) => {
  const body = Buffer.from(answer.body === undefined ? '' : JSON.stringify(answer.body))
  const judgeAnswer = createCheck(collect === undefined ? { check } : { check, collect })
  return judgeAnswer({ status: answer.status ?? 200, head: answer.head ?? 'HTTP/1.1 200 OK', body })
}

test('right answers pass and give what was asked for', () => {
  expect(judged(wanted, { body: tokens }, 'refresh_token')).toEqual({ taken: 'kw_rt_1' })
  const head = `HTTP/1.1 303 See Other\r\nLocation: ${to}?code=0123456789abcdef&state=x`
  expect(judged({ kind: 'redirect', to }, { status: 303, head })).toEqual({ taken: '0123456789abcdef' })
  expect(judged({ kind: 'inactive' }, { body: { active: false } })).toEqual({ taken: '' })
  expect(
    headersOf(
      { status: 200, head: 'HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nset-cookie: b', body: Buffer.alloc(0) },
      'set-cookie',
    ),
  ).toEqual(['a', 'b'])
})

test.each<[string, Check, Parameters<typeof judged>[1]]>([
  ['an error status', wanted, { status: 400, body: tokens }],
  ['another algorithm', wanted, { body: { ...tokens, access_token: jwt('ES256') } }],
  ['an opaque token where a JWT is due', wanted, { body: { ...tokens, access_token: 'kw_at_0123456789abcdef' } }],
  ['no signature', wanted, { body: { ...tokens, id_token: `${part({ alg: 'RS256' })}.${part({})}.` } }],
  ['no refresh token', wanted, { body: { ...tokens, refresh_token: undefined } }],
  [
    'an ID token nobody asked for',
    { kind: 'tokens', alg: 'RS256', id_token: false, refresh_token: true },
    { body: tokens },
  ],
  [
    'an error redirect',
    { kind: 'redirect', to },
    { status: 303, head: `HTTP/1.1 303 x\r\nlocation: ${to}?error=login_required` },
  ],
  [
    'a redirect elsewhere',
    { kind: 'redirect', to },
    { status: 303, head: 'HTTP/1.1 303 x\r\nlocation: https://b-client.example/callback?code=0123456789abcdef' },
  ],
  ['an inactive token', { kind: 'active', client_id: 'a' }, { body: { active: false, client_id: 'a' } }],
  ['another client', { kind: 'active', client_id: 'a' }, { body: { active: true, client_id: 'b' } }],
  ['a token that lives on', { kind: 'inactive' }, { body: { active: true } }],
  ['an error instead of a verdict', { kind: 'inactive' }, { status: 503, body: { active: false } }],
  ['nobody', { kind: 'person' }, { body: { sub: 'a' } }],
  ['a refusal', { kind: 'empty' }, { status: 400, body: { error: 'invalid_grant' } }],
  ['another document', { kind: 'document', member: 'issuer' }, { body: { keys: [] } }],
])('%s is wrong', (_name, check, answer) => {
  expect(judged(check, answer)).toHaveProperty('wrong')
})

test('a document that changes between requests is wrong', () => {
  const check = createCheck({ check: { kind: 'document', member: 'keys' } })
  const answer = (text: string) => ({ status: 200, head: 'HTTP/1.1 200 OK', body: Buffer.from(text) })
  expect(check(answer('{"keys":[]}'))).toEqual({ taken: '' })
  expect(check(answer('{"keys":[1]}'))).toHaveProperty('wrong')
})

test('bars: a share of the signing limit, at least, at most', () => {
  expect(judge(lineSpecs['client-credentials-rs256'], 2205, 3500)).toEqual({ text: '.63 × limit (bar .60)', met: true })
  expect(judge(lineSpecs['exchange-rs256'], 900, 3600)).toEqual({ text: '.50 × limit/2 (bar .54)', met: false })
  expect(judge(lineSpecs.discovery, 26_999, 3500)).toEqual({ text: '.99 × bar (≥ 27k)', met: false })
  expect(judge(lineSpecs['start-again'], 0.801, 3500)).toEqual({ text: '1.01 × bar (≤ 0.80 s)', met: false })
  expect(judge(lineSpecs['start-again'], 0.4, 3500)).toEqual({ text: '.50 × bar (≤ 0.80 s)', met: true })
  expect(judge(lineSpecs['memory-idle'], 126, 3500)).toMatchObject({ met: false })
})

test('figures and medians', () => {
  expect([31_249, 27_000, 2103.4, 61.27].map((value) => figure(value, 'per core'))).toEqual([
    '31.2k',
    '27k',
    '2103',
    '61.3',
  ])
  expect([median([3, 1, 2]), median([4, 1, 2, 3]), median([])]).toEqual([2, 2.5, 0])
})

test('options', () => {
  expect(readOptions(['--quick', '--rows', 'start,jwks'])).toMatchObject({
    ours: true,
    peer: false,
    rounds: 1,
    rows: ['jwks', 'start'],
  })
  expect(readOptions(['--only-peer'])).toMatchObject({ ours: false, peer: true, rounds: 3 })
  expect(readOptions(['--rows', 'jkws'])).toMatch(/^No such row: jkws/)
  expect(readOptions(['--fast'])).toMatch(/--fast/)
  expect([['--help'], ['--quick', '-h'], ['--quick']].map(asksForHelp)).toEqual([true, true, false])
})

test('CPU time holds a process and its children, living or ended; memory can leave a tree out; without /proc nothing is read', async () => {
  const read = await readTrees().catch((error: unknown) => ({ refused: String(error).includes('/proc') }))
  // Three times 0.3 s; what ending a process costs comes on top.
  const right = { enough: true, countedOnce: true, resident: true, apart: 0 }
  expect(read).toEqual(process.platform === 'linux' ? right : { refused: true })
})

/** A process that burns 0.3 s, after a child that did so and ended, beside one that did so and lives. */
async function readTrees() {
  const burn = `const used = () => { const { user, system } = process.cpuUsage(); return user + system }
    const b = () => { while (used() < 300_000); }`
  const child = spawn(process.execPath, [
    '-e',
    `${burn}; const { spawn, spawnSync } = require('node:child_process')
    const burn = ${JSON.stringify(burn)}
    spawnSync(process.execPath, ['-e', burn + '; b()'])
    const living = spawn(process.execPath, ['-e', burn + '; b(); console.log(1); setInterval(() => {}, 1000)'])
    living.stdout.once('data', () => { b(); console.log(1) })
    process.stdin.resume().once('end', () => { living.kill(); process.exit() })`,
  ])
  const pid = child.pid ?? 0
  try {
    await once(child.stdout, 'data')
    const [seconds, twice] = [cpuSeconds([pid]), cpuSeconds([pid, pid])]
    const countedOnce = twice < 1.5 * seconds
    return { enough: seconds >= 0.87, countedOnce, resident: memoryMb([pid], []) > 40, apart: memoryMb([pid], [pid]) }
  } finally {
    child.stdin.end()
    await once(child, 'exit')
  }
}
