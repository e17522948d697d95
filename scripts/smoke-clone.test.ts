/** A fresh copy of the working tree installs, starts, answers and stops; and the script that says so can say no. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, test } from 'vitest'

const good = 'A fresh copy installs, starts, answers and stops.'

async function smoke(...args: string[]): Promise<{ code: number | null; output: string }> {
  const script = join(import.meta.dirname, 'smoke-clone.ts')
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const output = Promise.all([text(child.stdout), text(child.stderr)])
  const [code] = (await once(child, 'exit')) as [number | null]
  return { code, output: (await output).join('') }
}

test('npm ci --ignore-scripts && npm start, in a folder of mode 0700', { timeout: 300_000 }, async () => {
  const { code, output } = await smoke()
  expect(output).toContain(good)
  expect(code).toBe(0)
})

describe('the script itself, on a project of four lines', { timeout: 60_000 }, () => {
  const folders: string[] = []
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
  })

  /** A project without dependencies whose server runs `extra`, names this issuer and ends on SIGTERM. */
  function project({ issuer = 'http://localhost:$PORT', extra = '' }: { issuer?: string; extra?: string }): string {
    const folder = mkdtempSync(join(tmpdir(), 'smoke-'))
    folders.push(folder)
    const start = { name: 'tiny', version: '1.0.0', scripts: { start: 'exec node server.cjs' } }
    writeFileSync(join(folder, 'package.json'), JSON.stringify(start))
    const lock = { name: 'tiny', version: '1.0.0', lockfileVersion: 3, packages: { '': start } }
    writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lock))
    const server = `${extra}
      const body = JSON.stringify({ issuer: '${issuer}'.replace('$PORT', process.env.PORT) })
      require('node:http').createServer((_, response) => response.end(body)).listen(process.env.PORT, 'localhost')`
    writeFileSync(join(folder, 'server.cjs'), server)
    return folder
  }

  test('a clean one passes, whatever was built in the folder before', async () => {
    const folder = project({})
    mkdirSync(join(folder, 'data'), { mode: 0o700 })
    const { code, output } = await smoke(folder)
    expect(output).toContain(good)
    expect(code).toBe(0)
  })

  test('a process that stays behind fails it, by name', async () => {
    const extra = `require('node:child_process').spawn('sleep', ['120'], { detached: true, stdio: 'ignore' }).unref()`
    const { code, output } = await smoke(project({ extra }))
    expect(output).toMatch(/left processes after SIGTERM:\n\d+ sleep 120/)
    expect(code).toBe(1)
  })

  test('a server that ends, or names another issuer, fails it', async () => {
    const { code, output } = await smoke(project({ extra: `console.log('no luck'); process.exit(3)` }))
    expect(output).toMatch(/did not answer on discovery[^]*no luck/)
    expect(code).toBe(1)
    expect((await smoke(project({ issuer: 'http://other' }))).output).toContain('(http://other)')
  })
})
