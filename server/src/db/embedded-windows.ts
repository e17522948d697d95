/**
 * Owns what Windows wants in another way: a loopback port with a password instead of a socket, and pg_ctl to start and
 * stop. Windows has no signal for an orderly stop, and pg_ctl drops an administrator's rights, which PostgreSQL refuses.
 * Not run by our tests on Windows itself. Start reading at `startThroughPgCtl`.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHmac, randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Access, bootstrap } from './embedded-address.ts'
import type { Binaries } from './embedded-binaries.ts'
import { lastError } from './embedded-folder.ts'
import { livingPostmaster } from './embedded-locks.ts'
import { codeOf, isAlive, plainEnv, run } from './embedded-process.ts'
import { type Server, serverSettings, type StartOptions } from './embedded-server.ts'

const passwordFile = (dataDir: string): string => join(dataDir, 'postgres-password')
const portFile = (dataDir: string): string => join(dataDir, 'postgres-port')

/** What initdb is told about who may connect: the bootstrap role's password, from a file, and no other way in. */
export const passwordAuthentication = (dataDir: string): string[] => {
  const file = `${passwordFile(dataDir)}.bootstrap`
  writeFileSync(file, passwordOf(dataDir, bootstrap.user), { mode: 0o600 })
  return ['--auth=scram-sha-256', `--pwfile=${file}`]
}

/** Access through 127.0.0.1, with the port that the server last had and a password for each role. */
export const loopbackAccess = (dataDir: string): Access => ({
  address: (role) => ({
    host: '127.0.0.1',
    port: Number(readOrMake(portFile(dataDir), () => '0')),
    password: passwordOf(dataDir, role.user),
    ...role,
  }),
  release: () => {},
})

const passwordOf = (dataDir: string, user: string): string => {
  const secret = readOrMake(passwordFile(dataDir), () => randomBytes(32).toString('base64url'))
  return createHmac('sha256', secret).update(user).digest('base64url')
}

/** The content of a file; when several processes make it at once, all get what the first one wrote. */
const readOrMake = (path: string, make: () => string): string => {
  try {
    writeFileSync(path, make(), { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
  }
  return readFileSync(path, 'utf8')
}

/** The port of last time, so that the pools of other processes find the server again; a random one when it is taken. */
export const choosePort = async (dataDir: string): Promise<number> => {
  const last = Number(readOrMake(portFile(dataDir), () => '0'))
  const port = (await freePort(last)) ?? (await freePort(0)) ?? 0
  writeFileSync(portFile(dataDir), String(port), { mode: 0o600 })
  return port
}

const freePort = async (wanted: number): Promise<number | undefined> =>
  await new Promise((resolve) => {
    const listener = createServer()
    listener.once('error', () => resolve(undefined))
    listener.listen({ host: '127.0.0.1', port: wanted, exclusive: true }, () => {
      const address = listener.address()
      listener.close(() => resolve(typeof address === 'object' ? address?.port : undefined))
    })
  })

/** Starts PostgreSQL and waits until it answers or has failed. */
export const startThroughPgCtl = async (dataDir: string, { folder, binaries }: StartOptions): Promise<Server> => {
  const settings = serverSettings(await choosePort(dataDir)).map((part) => `"${part}"`)
  const log = join(dataDir, 'postgres.log')
  emptyLog(log)
  // An hour: recovery after a crash may be long, and giving up would leave a server that nobody stops.
  const command = [binaries.pgCtl, 'start', '-w', '-t', '3600', '-s', '-D', folder, '-l', log, '-o', settings.join(' ')]
  const { code } = await run(command, { cwd: folder, env: plainEnv() })
  const found = livingPostmaster(folder)
  if (code === 0 && found !== undefined) return observe(found.pid, { folder, binaries, log })
  return failed(
    found === undefined ? lastError(readFileSync(log, 'utf8')) : 'lock file "postmaster.pid" already exists',
  )
}

/** The log holds one run. That of a running server cannot be written to: then there is one, and ours will not start. */
const emptyLog = (log: string): void => {
  try {
    writeFileSync(log, '')
  } catch (error) {
    if (codeOf(error) !== 'EBUSY' && codeOf(error) !== 'EPERM') throw error
  }
}

const failed = (reason: string): Server => ({
  pid: 0,
  ended: Promise.resolve(reason),
  hasEnded: () => true,
  stop: async () => await Promise.resolve(),
})

type Observed = { folder: string; binaries: Binaries; log: string }

const observe = (pid: number, { folder, binaries, log }: Observed): Server => {
  const watcher = stopWhenWeDie(folder, binaries)
  let over = false
  const ended = untilDead(pid).then(() => {
    over = true
    watcher.kill()
    return lastError(readFileSync(log, 'utf8'))
  })
  const stop = async (): Promise<void> => {
    // Only ours: after a restart by another process the folder's server is theirs.
    if (livingPostmaster(folder)?.pid === pid)
      await run(stopCommand(folder, binaries), { cwd: folder, env: plainEnv() })
    // The looks of `untilDead` do not keep our process; this one does.
    const keep = setInterval(() => {}, 1000)
    await ended
    clearInterval(keep)
  }
  return { pid, ended, hasEnded: () => over, stop }
}

const stopCommand = (folder: string, { pgCtl }: Binaries): string[] => [pgCtl, 'stop', '-m', 'fast', '-s', '-D', folder]

const untilDead = async (pid: number): Promise<void> => {
  while (isAlive(pid)) await sleep(100, undefined, { ref: false })
}

/** `set /p` waits for a line; when our process dies the pipe closes, and pg_ctl stops the server. */
const stopWhenWeDie = (folder: string, binaries: Binaries): ChildProcess => {
  const command = stopCommand(folder, binaries).map((part) => `"${part}"`)
  const shell = spawn('cmd.exe', ['/d', '/s', '/c', `"set /p _= & ${command.join(' ')}"`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    windowsVerbatimArguments: true,
    windowsHide: true,
    detached: true,
  })
  shell.on('error', () => {})
  shell.unref()
  if (shell.stdin instanceof Socket) shell.stdin.unref()
  return shell
}
