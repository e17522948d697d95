/** The log: JSON lines, redaction as the last line of defence, rotation, and that losing the file stops nothing. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { temporaryFolder } from '../../test/support/child.ts'
import { createLog } from './log.ts'

let folder: string
let file: string
beforeEach(async () => {
  folder = await temporaryFolder()
  file = join(folder, 'logs', 'keywright.log')
})

const linesOf = (path: string): Record<string, unknown>[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
const untilLines = async (count: number): Promise<Record<string, unknown>[]> =>
  await vi.waitFor(() => {
    const lines = linesOf(file)
    expect(lines.length).toBeGreaterThanOrEqual(count)
    return lines
  }, 10_000)

describe('a line', () => {
  it('is JSON with level, time and message; a line break in a value stays inside it', async () => {
    const { log, accessLog } = createLog({ level: 'info', file })
    log.info({ user_agent: 'a\nb\r\n{"level":"fatal"}' }, 'one\ntwo')
    accessLog('error', { status: 500 })
    const [first, second, ...rest] = await untilLines(2)
    expect(first).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
      user_agent: 'a\nb\r\n{"level":"fatal"}',
      msg: 'one\ntwo',
    })
    expect(second).toMatchObject({ level: 'error', status: 500, msg: 'request' })
    expect(rest).toEqual([])
  })

  it.each([
    'password',
    'client_secret',
    'code',
    'code_verifier',
    'refresh_token',
    'access_token',
    'id_token',
    'token',
    'cookie',
    'authorization',
    'set-cookie',
  ])('never holds a %s, at the top or one below', async (name) => {
    const { log } = createLog({ level: 'info', file })
    log.info({ [name]: 'hush-hush', headers: { [name]: 'hush-hush' } }, 'x')
    const [line] = await untilLines(1)
    expect(JSON.stringify(line)).not.toContain('hush')
    expect(line?.[name]).toBe('[redacted]')
  })

  it('below the level is not written', async () => {
    const { log } = createLog({ level: 'warn', file })
    log.info('quiet')
    log.warn('loud')
    expect((await untilLines(1)).map((line) => line['msg'])).toEqual(['loud'])
  })
})

describe('the file', () => {
  it('is for its owner only', async () => {
    createLog({ level: 'info', file }).log.info('x')
    await untilLines(1)
    // Windows has no such bits: there the folder's own rights count.
    const mode = process.platform === 'win32' ? 0o600 : statSync(file).mode & 0o777
    expect(mode).toBe(0o600)
  })

  it('is gone on with after a restart', async () => {
    createLog({ level: 'info', file }).log.info('first')
    await untilLines(1)
    createLog({ level: 'info', file }).log.info('second')
    expect((await untilLines(2)).map((line) => line['msg'])).toEqual(['first', 'second'])
  })

  it('is turned over at 10 MB; five old ones are kept, in order, and no line is lost', async () => {
    const { log } = createLog({ level: 'info', file })
    for (let n = 1; n <= 5; n += 1) writeFileSync(`${file}.${n}`, `{"msg":"old ${n}"}\n`)
    writeFileSync(file, `{"msg":"full","filler":"${'x'.repeat(10 * 1024 * 1024)}"}\n`)
    // What was written beside it counts only after a restart, as a full file of an earlier run does.
    const next = createLog({ level: 'info', file }).log
    next.info('after')
    await vi.waitFor(() => expect(linesOf(file).map((line) => line['msg'])).toEqual(['after']), 10_000)
    expect(readdirSync(join(folder, 'logs')).toSorted()).toEqual([
      'keywright.log',
      ...[1, 2, 3, 4, 5].map((n) => `keywright.log.${n}`),
    ])
    expect(linesOf(`${file}.1`)[0]?.['msg']).toBe('full')
    expect([2, 3, 4, 5].map((n) => linesOf(`${file}.${n}`)[0]?.['msg'])).toEqual(['old 1', 'old 2', 'old 3', 'old 4'])
    expect(log).toBeDefined()
  })

  it('that was taken away takes no old one along, and is made again', async () => {
    const { log } = createLog({ level: 'info', file })
    for (let n = 1; n <= 5; n += 1) writeFileSync(`${file}.${n}`, `{"msg":"old ${n}"}\n`)
    log.info({ filler: 'x'.repeat(10 * 1024 * 1024) }, 'nearly full')
    await untilLines(1)
    rmSync(file)
    log.info('after')
    expect((await untilLines(1)).map((line) => line['msg'])).toEqual(['after'])
    for (let n = 1; n <= 5; n += 1) expect(linesOf(`${file}.${n}`)[0]?.['msg']).toBe(`old ${n}`)
  })

  it('that is lost stops nothing, and nothing else is closed or written into in its place', async () => {
    const { log } = createLog({ level: 'info', file })
    log.info({ filler: 'x'.repeat(10 * 1024 * 1024) }, 'nearly full')
    await untilLines(1)
    rmSync(join(folder, 'logs'), { recursive: true })
    const turn = async (): Promise<void> => {
      log.info('lost')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await turn()
    // Each gets the lowest free number: one that the log has given up must not be one it still uses.
    const others = Array.from({ length: 30 }, (_, n) => openSync(join(folder, `other${n}.txt`), 'w'))
    await turn()
    await turn()
    for (const other of others) writeSync(other, 'mine')
    for (const other of others) closeSync(other)
    for (let n = 0; n < 30; n += 1) expect(readFileSync(join(folder, `other${n}.txt`), 'utf8')).toBe('mine')
  })
})

describe('standard output', () => {
  const run = (script: string): ChildProcessWithoutNullStreams => {
    const from = `import { createLog } from ${JSON.stringify(new URL('log.ts', import.meta.url).href)}\n`
    return spawn(process.execPath, [
      '--input-type=module',
      '-e',
      `${from}const { log, accessLog } = createLog({ level: 'info' })\n${script}`,
    ])
  }

  it('has what was logged in the last moment before the end', async () => {
    const child = run(`log.info('last'); accessLog('info', { status: 200 }); process.exit(0)`)
    const text = await new Response(Readable.toWeb(child.stdout) as ReadableStream).text()
    expect(
      text
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { msg: string }).msg),
    ).toEqual(['last', 'request'])
  })

  it('has every line once when the process ends in the middle of a write', async () => {
    const count = 3000
    const child = run(
      `for (let n = 0; n < ${count}; n += 1) accessLog('info', { n, filler: 'x'.repeat(100) }); process.exit(0)`,
    )
    const text = await new Response(Readable.toWeb(child.stdout) as ReadableStream).text()
    const numbers = text
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { n: number }).n)
    expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, n) => n))
  })

  it('loses no line to a reader that is slow, and keeps them in order', async () => {
    const count = 20_000
    const child = run(
      `for (let n = 0; n < ${count}; n += 1) accessLog('info', { n, filler: 'x'.repeat(100) }); log.flush(() => process.exit(0))`,
    )
    await new Promise((resolve) => setTimeout(resolve, 500))
    const text = await new Response(Readable.toWeb(child.stdout) as ReadableStream).text()
    const numbers = text
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { n: number }).n)
    expect(numbers).toEqual(Array.from({ length: count }, (_, n) => n))
  })
})
