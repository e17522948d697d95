/**
 * Several processes on one folder, and every way in which one of them dies: one server, always one that answers, and no
 * committed row lost.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { isAlive } from '../../src/db/embedded-process.ts'
import { type Agent, newFolder, postgresIn, postmasterOf, startAgent, usedDataDir } from './support.ts'

const newDataDir = (): string => join(newFolder(0o755), 'data')

/** Milliseconds until a statement works again; a failing one has not been asked to try again by anybody. */
const untilAnswers = async (agent: Agent, text = 'select 1 as one'): Promise<number> => {
  const started = performance.now()
  await expect
    .poll(async () => (await agent.sql(text).catch(() => [])).length, { timeout: 20_000, interval: 5 })
    .toBeGreaterThan(0)
  return performance.now() - started
}

/** The processes that are a server: those whose parent is none of them. */
const serversIn = (dataDir: string): number[] => {
  const all = postgresIn(dataDir)
  return all.filter((pid) => {
    const status = existsSync(`/proc/${pid}/status`) ? readFileSync(`/proc/${pid}/status`, 'utf8') : ''
    const parent = /^PPid:\t(\d+)/m.exec(status)?.[1]
    return parent !== undefined && !all.includes(Number(parent))
  })
}

describe('several processes', () => {
  test('four that race for a new folder: one makes it, one starts it, all are served, nothing is left over', async () => {
    const dataDir = newDataDir()
    const agents = [1, 2, 3, 4].map(() => startAgent({ dataDir }))
    const opened = await Promise.all(agents.map((agent) => agent.opened()))
    expect(opened.filter(({ owner }) => owner)).toHaveLength(1)
    expect(opened.filter(({ firstStart }) => firstStart)).toHaveLength(1)
    expect(serversIn(dataDir)).toEqual([postmasterOf(dataDir)])
    const [first, ...others] = agents as [Agent, Agent, Agent, Agent]
    await first.sql('create table things (number int)')
    for (const agent of others) await agent.sql('insert into things values (1)')
    expect(await first.sql('select count(*)::int as count from things')).toEqual([{ count: 3 }])
    expect(readdirSync(dataDir)).toEqual(['postgres'])
    console.log(`race of four: ${opened.map(({ ms }) => ms.toFixed(0)).join(' ')} ms`)
    await Promise.all(agents.map((agent) => agent.stop()))
    expect(postgresIn(dataDir)).toEqual([])
  })

  test('a guest leaves the server alone, and takes over when its owner stops', async () => {
    const dataDir = await usedDataDir()
    const owner = startAgent({ dataDir })
    await owner.opened()
    const [guest, passing] = [startAgent({ dataDir }), startAgent({ dataDir })]
    expect(await guest.opened()).toMatchObject({ owner: false, firstStart: false })
    const server = postmasterOf(dataDir)
    await passing.stop()
    expect(postmasterOf(dataDir)).toBe(server)
    await owner.stop()
    // Nobody asks: the guest looks by itself.
    await expect.poll(() => guest.call('owner'), { timeout: 5000 }).toBe(true)
    await untilAnswers(guest)
    await guest.stop()
    expect(postgresIn(dataDir)).toEqual([])
  })

  test('kill -9 of the owner: its server shuts down in order, a guest takes over', async () => {
    const dataDir = await usedDataDir()
    const owner = startAgent({ dataDir })
    await owner.opened()
    await owner.sql('create table things as select generate_series(1, 1000) as number')
    const guest = startAgent({ dataDir })
    await guest.opened()
    await owner.kill()
    const ms = await untilAnswers(guest)
    expect(await guest.call('owner')).toBe(true)
    expect(await guest.sql('select count(*)::int as count from things')).toEqual([{ count: 1000 }])
    expect(serversIn(dataDir)).toEqual([postmasterOf(dataDir)])
    console.log(`owner kill -9, guest answers: ${ms.toFixed(0)} ms`)
    await guest.stop()
    expect(postgresIn(dataDir)).toEqual([])
  })

  test('a guest that needs it takes over at once: ensure does not wait for the look', async () => {
    const dataDir = await usedDataDir()
    const owner = startAgent({ dataDir })
    await owner.opened()
    const guest = startAgent({ dataDir })
    await guest.opened()
    await owner.kill()
    const started = performance.now()
    await expect
      .poll(() => guest.call('ensure').then(() => guest.call('owner')), { timeout: 10_000, interval: 5 })
      .toBe(true)
    console.log(`owner kill -9, guest calls ensure: ${(performance.now() - started).toFixed(0)} ms`)
    await guest.stop()
  })

  test('kill -9 of an owner nobody shares with leaves no process', async () => {
    const dataDir = await usedDataDir()
    const owner = startAgent({ dataDir })
    await owner.opened()
    await owner.kill()
    await expect.poll(() => postgresIn(dataDir), { timeout: 5000 }).toEqual([])
    expect(existsSync(join(dataDir, 'postgres', 'postmaster.pid'))).toBe(false)
  })

  test('kill -9 during the very first start leaves no half of a folder', async () => {
    const dataDir = newDataDir()
    const victim = startAgent({ dataDir })
    await expect
      .poll(() => existsSync(dataDir) && readdirSync(dataDir).some((name) => name.startsWith('.new-')), {
        interval: 2,
        timeout: 5000,
      })
      .toBe(true)
    await sleep(100)
    await victim.kill()
    expect(existsSync(join(dataDir, 'postgres'))).toBe(false)
    const next = startAgent({ dataDir })
    expect(await next.opened()).toMatchObject({ firstStart: true, owner: true })
    expect(readdirSync(dataDir)).toEqual(['postgres'])
    await next.stop()
  })
})

describe('the server dies', () => {
  test('kill -9: it is there again without anybody asking, with every committed row', async () => {
    const dataDir = await usedDataDir()
    const agent = startAgent({ dataDir })
    await agent.opened()
    await agent.sql('create table things as select generate_series(1, 1000) as number')
    for (const round of [1, 2]) {
      const before = postmasterOf(dataDir)
      process.kill(before, 'SIGKILL')
      const started = performance.now()
      await expect
        .poll(() => serversIn(dataDir).find((pid) => pid !== before) ?? 0, { timeout: 5000, interval: 2 })
        .toBeGreaterThan(0)
      await untilAnswers(agent)
      console.log(`postgres kill -9, round ${round}: ${(performance.now() - started).toFixed(0)} ms`)
      expect(postmasterOf(dataDir)).not.toBe(before)
    }
    expect(await agent.sql('select count(*)::int as count from things')).toEqual([{ count: 1000 }])
    expect(await agent.call('owner')).toBe(true)
    expect(agent.log()).toMatch(
      /^The embedded PostgreSQL \(process \d+\) ended: it was ended by SIGKILL\. Starting it again\.$/m,
    )
    await agent.stop()
  })

  test('kill -9 while a query works that never looks up: it is ended, then the server starts', async () => {
    const dataDir = await usedDataDir()
    const agent = startAgent({ dataDir })
    await agent.opened()
    const busy = agent
      .sql('select count(*) from generate_series(1, 40000) a, generate_series(1, 40000) b')
      .catch((error: unknown) => error)
    await expect
      .poll(() =>
        agent.sql("select 1 from pg_stat_activity where query like 'select count(*) from gen%' and state = 'active'"),
      )
      .toHaveLength(1)
    // Somebody's shell that stands in the folder is no backend and must live.
    const bystander = startAgent({
      dataDir: await usedDataDir(),
      prefix: ['sh', '-c', `cd ${join(dataDir, 'postgres')} && exec "$@"`, 'sh'],
    })
    await bystander.opened()
    process.kill(postmasterOf(dataDir), 'SIGKILL')
    const ms = await untilAnswers(agent)
    expect(ms).toBeGreaterThan(400)
    expect(await busy).toBeInstanceOf(Error)
    expect(agent.log()).toMatch(/^Ended process \d+: a query of a PostgreSQL that died/m)
    expect(bystander.process.exitCode).toBe(null)
    expect(serversIn(dataDir)).toEqual([postmasterOf(dataDir)])
    console.log(`postgres kill -9 with a busy backend: ${ms.toFixed(0)} ms`)
    await Promise.all([agent.stop(), bystander.stop()])
  })

  test('somebody stops it in order: it is started again all the same', async () => {
    const dataDir = await usedDataDir()
    const agent = startAgent({ dataDir })
    await agent.opened()
    const before = postmasterOf(dataDir)
    process.kill(before, 'SIGINT')
    await expect.poll(() => serversIn(dataDir).filter((pid) => pid !== before)).toHaveLength(1)
    await untilAnswers(agent)
    expect(agent.log()).toContain('ended: it was told to stop. Starting it again.')
    await agent.stop()
  })

  test('Ctrl-C reaches the whole process group, and the database outlives the draining', async () => {
    const dataDir = await usedDataDir()
    const agent = startAgent({ dataDir, prefix: ['setsid'] })
    await agent.opened()
    const before = postmasterOf(dataDir)
    process.kill(-(agent.process.pid ?? 0), 'SIGINT')
    await sleep(300)
    expect(postmasterOf(dataDir)).toBe(before)
    expect(await agent.sql('select 1 as one')).toEqual([{ one: 1 }])
    await agent.stop()
  })

  test('a lock whose process number some other program has now does not keep it from starting', async () => {
    const dataDir = await usedDataDir()
    const agent = startAgent({ dataDir })
    await agent.opened()
    const lock = join(dataDir, 'postgres', 'postmaster.pid')
    const text = readFileSync(lock, 'utf8')
    await agent.stop()
    // As after a container was killed and starts again: the numbers are small and come back. PostgreSQL tolerates its
    // own ancestors, so the number is that of a process beside it.
    const other = startAgent({ dataDir: await usedDataDir() })
    await other.opened()
    const [, ...rest] = text.split('\n')
    for (const name of ['postmaster.pid', '.s.PGSQL.5432.lock']) {
      writeFileSync(join(dataDir, 'postgres', name), [postmasterOf(other.dataDir), ...rest].join('\n'))
    }
    const next = startAgent({ dataDir })
    expect(await next.opened()).toMatchObject({ owner: true })
    await Promise.all([next.stop(), other.stop()])
  })

  test('a zombie is no living process', async () => {
    // `exec` takes away the parent that would have waited for it.
    const parent = spawn('sh', ['-c', 'sleep 0.3 & echo $!; exec sleep 30'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const [line] = (await once(parent.stdout, 'data')) as [Buffer]
    const pid = Number(line)
    await expect.poll(() => readFileSync(`/proc/${pid}/stat`, 'utf8')).toMatch(/^\d+ \(.*\) Z/)
    expect(process.kill(pid, 0)).toBe(true)
    expect(isAlive(pid)).toBe(false)
    parent.kill('SIGKILL')
    expect([isAlive(process.pid), isAlive(1), isAlive(4_194_305)]).toEqual([true, true, false])
  })
})
