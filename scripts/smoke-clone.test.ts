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

describe('the script itself, on a project of a few lines', { timeout: 60_000 }, () => {
  const folders: string[] = []
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
  })

  type Project = { issuer?: string; extra?: string; cli?: string }

  /** A project without dependencies whose server runs `extra`, names this issuer and ends on SIGTERM. */
  function project({ issuer = 'http://localhost:$PORT', extra = '', cli = '' }: Project): string {
    const folder = mkdtempSync(join(tmpdir(), 'smoke-'))
    folders.push(folder)
    const write = (path: string, content: object | string): void =>
      writeFileSync(join(folder, path), typeof content === 'string' ? content : JSON.stringify(content))
    const top = { name: 'tiny', version: '1.0.0', workspaces: ['server'], scripts: { start: 'exec node server.cjs' } }
    const server = { name: 'keywright', version: '1.0.0', bin: { keywright: 'cli.cjs' } }
    const packages = { '': top, server, 'node_modules/keywright': { resolved: 'server', link: true } }
    mkdirSync(join(folder, 'server'))
    write('package.json', top)
    write('package-lock.json', { ...top, lockfileVersion: 3, packages })
    write('server/package.json', server)
    write('server/cli.cjs', `#!/usr/bin/env node\n${cli}`)
    write(
      'server.cjs',
      `${extra}
      const body = JSON.stringify({ issuer: '${issuer}'.replace('$PORT', process.env.PORT) })
      require('node:http').createServer((_, response) => response.end(body)).listen(process.env.PORT, 'localhost')`,
    )
    return folder
  }

  test('a command line that does not run fails it', async () => {
    const { code, output } = await smoke(project({ cli: `console.error('no cli'); process.exit(1)` }))
    expect(output).toMatch(/npx keywright --help failed:[^]*no cli/)
    expect(code).toBe(1)
  })

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
