/**
 * Where and as whom the embedded PostgreSQL must work: closed folders, long paths, users with and without rights,
 * read-only node_modules, tools that are missing.
 */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { linkFolder } from '../../src/db/embedded-address.ts'
import { openEmbedded } from '../../src/db/embedded.ts'
import {
  type AgentOptions,
  asPerson,
  asRoot,
  chosenUid,
  clone,
  isRoot,
  newFolder,
  person,
  personsFolder,
  platformPackage,
  postgresIn,
  postmasterOf,
  startAgent,
} from './support.ts'

/** Opens, writes, stops, opens again and reads. Returns the uid that the files had. */
const worksTwice = async (options: AgentOptions): Promise<number> => {
  const first = startAgent(options)
  await first.opened()
  await first.sql('create table if not exists things (number int)')
  await first.sql('insert into things values (1)')
  const { uid } = statSync(join(options.dataDir, 'postgres', 'PG_VERSION'))
  await first.stop()
  const second = startAgent(options)
  const { firstStart, owner } = await second.opened()
  expect({ firstStart, owner }).toEqual({ firstStart: false, owner: true })
  expect((await second.sql('select 1 from things')).length).toBeGreaterThan(0)
  await second.stop()
  expect(postgresIn(options.dataDir)).toEqual([])
  return uid
}

/** The uid and the capabilities that a process really has, seen from outside every namespace. */
const rightsOf = (pid: number): { uid: string | undefined; capabilities: string | undefined } => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return { uid: /^Uid:\t(\d+)/m.exec(status)?.[1], capabilities: /^CapEff:\t([0-9a-f]+)/m.exec(status)?.[1] }
}

describe('root', () => {
  test('in a tree that only root may enter, sources and data, also with paths beyond 107 bytes', async () => {
    const tree = clone(join(newFolder(0o700), 'a'.repeat(60), 'checkout'))
    const dataDir = join(tree, 'b'.repeat(60), 'data')
    expect(await worksTwice({ dataDir, tree, prefix: asRoot })).toBe(isRoot ? 0 : person.uid)
  })

  test('there the server is unprivileged all the same', async () => {
    const tree = clone(join(newFolder(0o700), 'checkout'))
    const dataDir = join(tree, 'data')
    const agent = startAgent({ dataDir, tree, prefix: asRoot })
    await agent.opened()
    expect(rightsOf(postmasterOf(dataDir)).capabilities).toBe('0000000000000000')
    // It owns its folder and is root by number only: root's own secrets stay closed where PostgreSQL asks for rights.
    expect(await agent.sql('select rolsuper from pg_roles where rolname = current_user')).toEqual([{ rolsuper: false }])
    await agent.kill()
    await expect.poll(() => postgresIn(dataDir), { timeout: 10_000 }).toEqual([])
  })

  test('a tree that is opened and closed again: the folder changes hands and keeps its rows', async () => {
    const closed = newFolder(0o700)
    const tree = clone(join(closed, 'checkout'))
    const options = { dataDir: join(tree, 'data'), tree, prefix: asRoot }
    const closedUid = isRoot ? 0 : person.uid
    expect(await worksTwice(options)).toBe(closedUid)
    chmodSync(closed, 0o711)
    expect(await worksTwice(options)).toBe(chosenUid)
    expect(statSync(join(options.dataDir, 'postgres')).uid).toBe(chosenUid)
    chmodSync(closed, 0o700)
    expect(await worksTwice(options)).toBe(closedUid)
    const last = startAgent(options)
    await last.opened()
    expect(await last.sql('select count(*)::int as count from things')).toEqual([{ count: 3 }])
    await last.stop()
  })

  test('where everybody may pass, PostgreSQL is nobody', async () => {
    const dataDir = join(newFolder(0o755), 'data')
    const agent = startAgent({ dataDir, prefix: asRoot })
    await agent.opened()
    expect(rightsOf(postmasterOf(dataDir))).toEqual({ uid: String(chosenUid), capabilities: '0000000000000000' })
    await agent.stop()
  })

  test.each(['data', 'the folder above it'])(
    'a project of a person (%s is theirs): their files, even in a closed home',
    async (which) => {
      // `daemon` has number 1 everywhere. Without real root there is only one number to choose.
      const uid = isRoot ? 1 : person.uid
      const home = newFolder(0o700)
      const dataDir = join(clone(join(home, 'project')), 'data')
      const theirs = which === 'data' ? [home, join(home, 'project'), dataDir] : [home, join(home, 'project')]
      if (which === 'data') mkdirSync(dataDir)
      if (isRoot) for (const folder of theirs) chownSync(folder, 1, 1)
      expect(await worksTwice({ dataDir, tree: join(home, 'project'), prefix: asRoot })).toBe(uid)
    },
  )

  test('without setpriv: as nobody, and still nothing is left after kill -9', async () => {
    const dataDir = join(newFolder(isRoot ? 0o755 : 0o700), 'data')
    const agent = startAgent({ dataDir, prefix: withoutSetpriv })
    await agent.opened()
    expect(rightsOf(postmasterOf(dataDir))).toEqual({ uid: String(chosenUid), capabilities: '0000000000000000' })
    const before = postmasterOf(dataDir)
    process.kill(before, 'SIGKILL')
    await expect.poll(() => agent.sql('select 1 as one').catch(() => []), { timeout: 10_000 }).toEqual([{ one: 1 }])
    const after = postmasterOf(dataDir)
    expect(after).not.toBe(before)
    expect(watchersOf(dataDir)).toHaveLength(1)
    await agent.kill()
    await expect.poll(() => postgresIn(dataDir), { timeout: 10_000 }).toEqual([])
    expect(existsSync(join(dataDir, 'postgres', 'postmaster.pid'))).toBe(false)
    await expect.poll(() => watchersOf(dataDir)).toEqual([])
  })
})

/** A mount of its own in which setpriv cannot be executed; back to ourselves where root was only borrowed for that. */
const hide = 'mount --bind /dev/null "$(command -v setpriv)" && exec "$@"'
const ownMounts = ['--mount', '--', 'sh', '-c', hide, 'sh']
const withoutSetpriv = isRoot
  ? ['unshare', ...ownMounts]
  : 'unshare --user --map-root-user'
      .split(' ')
      .concat(ownMounts, 'unshare', '--user', `--map-user=${person.uid}`, `--map-group=${person.gid}`, '--')

/** The shells that wait for the end of the owner of a folder. */
const watchersOf = (dataDir: string): string[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => (existsSync(`/proc/${pid}/cmdline`) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : ''))
    .filter((command) => command.includes('read -r _') && command.includes(join(dataDir, 'postgres')))

describe('a user without rights', () => {
  test('works as themselves, in a closed folder and with a path beyond 107 bytes', async () => {
    const home = personsFolder()
    chmodSync(home, 0o700)
    const dataDir = join(home, 'c'.repeat(100), 'data')
    const agent = startAgent({ dataDir, prefix: asPerson })
    await agent.opened()
    expect(await agent.call('address')).toMatchObject({
      path: expect.stringMatching(/^\/proc\/self\/fd\/\d+\/\.s\.PGSQL\.5432$/) as string,
    })
    expect(rightsOf(postmasterOf(dataDir)).uid).toBe(String(person.uid))
    await agent.stop()
    expect(await worksTwice({ dataDir, prefix: asPerson })).toBe(person.uid)
  })

  test('that has no name, as in a container with a number of its own', async () => {
    const folder = newFolder(0o777)
    const prefix = isRoot
      ? ['setpriv', '--reuid=61414', '--regid=61414', '--clear-groups', '--']
      : ['unshare', '--user', '--map-user=61414', '--map-group=61414', '--']
    expect(await worksTwice({ dataDir: join(folder, 'data'), prefix })).toBe(isRoot ? 61_414 : person.uid)
  })

  test('a path with spaces, quotes and letters of other languages', async () => {
    const dataDir = join(personsFolder(), `it's "my" dätä $HOME 数据`)
    expect(await worksTwice({ dataDir, prefix: asPerson })).toBe(person.uid)
  })
})

describe('the path of the socket', () => {
  const name = '.s.PGSQL.5432'
  const ofBytes = (folder: string, bytes: number): string => {
    const rest = bytes - Buffer.byteLength(join(folder, 'postgres', name)) - 2
    return join(folder, 'é'.repeat(Math.floor(rest / 2)) + 'x'.repeat(rest % 2), 'd')
  }

  test.each([
    [107, /^\/tmp|^\//],
    [108, /^\/proc\/self\/fd\/\d+\//],
  ])('of %i bytes works, and is as it is up to 107', async (bytes, shape) => {
    const base = newFolder(0o711)
    const dataDir = ofBytes(base, bytes - 1)
    expect(Buffer.byteLength(join(dataDir, 'postgres', name))).toBe(bytes)
    const embedded = await openEmbedded({ dataDir, log: () => {} })
    const address = embedded.address()
    expect('path' in address && address.path).toMatch(shape)
    expect('path' in address && address.path.startsWith('/proc')).toBe(bytes > 107)
    await embedded.ensure()
    await embedded.stop()
  })

  test('where there is no /proc a short folder links to the long one, and goes away', () => {
    const folder = newFolder()
    const { path, release } = linkFolder(folder)
    expect(readlinkSync(join(path, '..'))).toBe(folder)
    expect(Buffer.byteLength(path)).toBeLessThan(104)
    release()
    expect(existsSync(join(path, '..', '..'))).toBe(false)
  })
})

describe('node_modules', () => {
  const libraries = join('node_modules', platformPackage, 'native', 'lib')

  test('from `npm ci --ignore-scripts` gets the links that a script would have made', async () => {
    const tree = clone(join(newFolder(0o755), 'checkout'))
    const links = (): string[] =>
      readdirSync(join(tree, libraries), { withFileTypes: true }).flatMap((entry) =>
        entry.isSymbolicLink() ? [entry.name] : [],
      )
    expect(links()).toEqual([])
    await worksTwice({ dataDir: join(tree, 'data'), tree, prefix: asRoot })
    expect(links()).toContain('libpq.so.5')
    expect(existsSync(join(tree, libraries, 'libpq.so.5'))).toBe(true)
    expect(readdirSync(join(tree, 'data'))).toEqual(['postgres'])
  })

  test('that may not be written to: the links are in the data folder, and follow when it moves', async () => {
    const folder = personsFolder()
    const tree = clone(join(folder, 'checkout'))
    if (isRoot) execFileSync('chown', ['-R', '0:0', tree])
    execFileSync('chmod', ['-R', 'a-w,a+rX', join(tree, 'node_modules', platformPackage)])
    const dataDir = join(folder, 'data')
    expect(await worksTwice({ dataDir, tree, prefix: asPerson })).toBe(person.uid)
    const link = join(dataDir, 'postgres-lib', 'libpq.so.5')
    expect(readlinkSync(link)).toContain(join(tree, libraries))
    const moved = join(folder, 'moved')
    renameSync(tree, moved)
    expect(await worksTwice({ dataDir, tree: moved, prefix: asPerson })).toBe(person.uid)
    expect(readlinkSync(link)).toContain(join(moved, libraries))
  })
})
