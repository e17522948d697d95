/**
 * Every refusal of the embedded PostgreSQL is one sentence that says what to do, and breaks nothing.
 */
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  type AgentOptions,
  asPerson,
  asRoot,
  clone,
  isRoot,
  newFolder,
  person,
  personsFolder,
  platformPackage,
  postgresIn,
  postmasterOf,
  startAgent,
  usedDataDir,
} from './support.ts'

const refusal = async (options: AgentOptions): Promise<string> => {
  const sentence = await startAgent(options).refused()
  expect(sentence).toMatch(/^[^\n]+\.$/)
  return sentence
}

/** Mounts of its own for a command, in which root does something first. */
const withMount = (script: string, ...words: string[]): string[] => {
  const own = isRoot ? ['unshare', '--mount', '--'] : ['unshare', '--user', '--map-root-user', '--mount', '--']
  return [...own, 'sh', '-c', `${script}; shift ${words.length}; exec "$@"`, 'sh', ...words]
}

describe('the folder', () => {
  test('of another version', async () => {
    const dataDir = await usedDataDir()
    writeFileSync(join(dataDir, 'postgres', 'PG_VERSION'), '17\n')
    expect(await refusal({ dataDir })).toBe(
      `${dataDir}/postgres was made by PostgreSQL 17 and this release brings PostgreSQL 18: start the release that made it and export your data, or choose an empty folder with KEYWRIGHT_DATA_DIR.`,
    )
    expect(readFileSync(join(dataDir, 'postgres', 'PG_VERSION'), 'utf8')).toBe('17\n')
  })

  test('of another owner', async () => {
    const dataDir = personsFolder()
    symlinkSync('/usr', join(dataDir, 'postgres'))
    expect(await refusal({ dataDir, prefix: asPerson })).toBe(
      `${dataDir}/postgres belongs to user 0 and this process runs as user ${person.uid}: start as that user, give the folder to this one, or choose another one with KEYWRIGHT_DATA_DIR.`,
    )
  })

  test('that holds other things', async () => {
    const dataDir = newFolder(0o755)
    mkdirSync(join(dataDir, 'postgres'))
    writeFileSync(join(dataDir, 'postgres', 'diary.txt'), 'dear')
    expect(await refusal({ dataDir })).toContain(
      `${dataDir}/postgres is not a data folder of PostgreSQL and is not empty`,
    )
    expect(readdirSync(join(dataDir, 'postgres'))).toEqual(['diary.txt'])
  })

  test('that is a file, or may not be made, or not be written to', async () => {
    const folder = personsFolder()
    writeFileSync(join(folder, 'file'), '')
    expect(await refusal({ dataDir: join(folder, 'file'), prefix: asPerson })).toMatch(
      /cannot be used \(EEXIST\): .*KEYWRIGHT_DATA_DIR/,
    )
    expect(await refusal({ dataDir: '/usr/keywright-data', prefix: asPerson })).toMatch(/cannot be used \(EACCES\): /)
    const closed = join(folder, 'closed')
    mkdirSync(closed, 0o755)
    if (!isRoot) chmodSync(closed, 0o555)
    expect(await refusal({ dataDir: closed, prefix: asPerson })).toMatch(/cannot be used \(EACCES\): /)
  })

  test('on a full disk', async () => {
    const dataDir = newFolder(0o755)
    const prefix = withMount('mount -t tmpfs -o size=12m,mode=755 tmpfs "$1"', dataDir)
    expect(await refusal({ dataDir, prefix })).toMatch(
      /^PostgreSQL could not make its folder in .*No space left on device/,
    )
  })

  test('with a volume mounted too deep', async () => {
    const dataDir = newFolder(0o755)
    const prefix = withMount('mkdir "$1/postgres" && mount -t tmpfs -o size=1m tmpfs "$1/postgres"', dataDir)
    expect(await refusal({ dataDir, prefix })).toContain(`(EBUSY): mount a volume at ${dataDir}, not below it.`)
    expect(readdirSync(dataDir)).toEqual(['postgres'])
  })

  test('that a closed folder hides: the sentence names it and three cures', async () => {
    const closed = newFolder(0o700)
    const tree = clone(join(closed, 'checkout'))
    // Without user namespaces, as most containers are.
    const prefix = withMount('mount --bind /dev/null "$(command -v unshare)"')
    const sentence = await refusal({ dataDir: join(tree, 'data'), tree, prefix })
    // The root of a namespace with one user cannot become nobody at all: that is said instead.
    const expected = isRoot
      ? `PostgreSQL runs as user 65534 and cannot pass through ${closed}: run "chmod o+x ${closed}", set KEYWRIGHT_DATA_DIR to a folder elsewhere, or set DATABASE_URL to a PostgreSQL of your own.`
      : 'a root that may become another user'
    expect(sentence).toContain(expected)
    expect(readdirSync(join(tree, 'data'))).toEqual([])
    chmodSync(closed, 0o711)
    if (isRoot) await startAgent({ dataDir: join(tree, 'data'), tree, prefix }).stop()
  })
})

describe('the programs', () => {
  const program = join('node_modules', platformPackage, 'native', 'bin', 'postgres')

  test('are not there', async () => {
    const tree = clone(join(newFolder(0o755), 'checkout'))
    rmSync(join(tree, 'node_modules', platformPackage), { recursive: true })
    const sentence = await refusal({ dataDir: join(tree, 'data'), tree })
    expect(sentence).toMatch(/^No PostgreSQL for linux-\w+ is installed: run "npm ci" .* or set DATABASE_URL/)
  })

  test('may not be executed', async () => {
    const tree = clone(join(newFolder(0o755), 'checkout'))
    chmodSync(join(tree, program), 0o644)
    const sentence = await refusal({ dataDir: join(tree, 'data'), tree, prefix: asRoot })
    expect(sentence).toContain(
      isRoot ? `not execute ${join(tree, program)}: set KEYWRIGHT_DATA_DIR` : join(tree, program),
    )
  })

  test('are for another libc', async () => {
    const tree = clone(join(newFolder(0o755), 'checkout'))
    writeFileSync(join(tree, program), '#!/lib/no-such-loader.so.2\n')
    const sentence = await refusal({ dataDir: join(tree, 'data'), tree })
    expect(sentence).toMatch(/does not run on this system \(.*not found\): it needs glibc.* Set DATABASE_URL/)
  })
})

describe('the server', () => {
  test('does not start: its own words are in the sentence', async () => {
    const dataDir = await usedDataDir()
    appendFileSync(join(dataDir, 'postgres', 'postgresql.conf'), '\nno_such_setting = 1\n')
    expect(await refusal({ dataDir })).toBe(
      `The embedded PostgreSQL in ${dataDir}/postgres does not start: configuration file "${dataDir}/postgres/postgresql.conf" contains errors.`,
    )
  })

  test('is alive and does not answer', async () => {
    const dataDir = await usedDataDir()
    const owner = startAgent({ dataDir })
    await owner.opened()
    const pid = postmasterOf(dataDir)
    process.kill(pid, 'SIGSTOP')
    const sentence = await refusal({ dataDir, patienceMs: 1000 })
    expect(sentence).toBe(
      `PostgreSQL (process ${pid}) holds ${dataDir}/postgres and does not answer: stop that process, then start again.`,
    )
    process.kill(pid, 'SIGCONT')
    expect(await owner.sql('select 1 as one')).toEqual([{ one: 1 }])
    await owner.stop()
  })

  test('cannot be started again after its death: that is said, tried again, and works when mended', async () => {
    const dataDir = await usedDataDir()
    const agent = startAgent({ dataDir })
    await agent.opened()
    const settings = join(dataDir, 'postgres', 'postgresql.conf')
    const { size } = statSync(settings)
    appendFileSync(settings, '\nno_such_setting = 1\n')
    process.kill(postmasterOf(dataDir), 'SIGKILL')
    await expect
      .poll(() => agent.log().match(/contains errors\. Trying again\./g)?.length ?? 0, { timeout: 20_000 })
      .toBeGreaterThan(1)
    truncateSync(settings, size)
    await expect.poll(() => agent.sql('select 1 as one').catch(() => []), { timeout: 20_000 }).toEqual([{ one: 1 }])
    await agent.stop()
    expect(postgresIn(dataDir)).toEqual([])
  })
})
