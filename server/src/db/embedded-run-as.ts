/**
 * Owns as whom PostgreSQL runs: it refuses root, and must pass through every folder above its programs and its data.
 * What works is found by trying, never computed. Start reading at `chooseRunAs`.
 */
import { chownSync, lstatSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { StartError } from '../config/start-error.ts'
import type { Binaries } from './embedded-binaries.ts'
import { plainEnv, type Ran, run } from './embedded-process.ts'

type Owner = { uid: number; gid: number }

export type RunAs = {
  /** Programs put in front of the one to run; each becomes the next, so the process number stays. */
  prefix: string[]
  /** For the one who spawns: who the process is to be. Empty: as ourselves, or the prefix sees to it. */
  identity: { uid: number; gid: number } | Record<string, never>
  /** Whom the files belong to, seen from outside. Undefined: no change (not root, or Windows). */
  owner: Owner | undefined
  /** Whether the kernel ends the process when ours dies, however it dies. */
  endsWithUs: boolean
}

/**
 * Tries the ways to run PostgreSQL on this data folder, the best first, and takes the first that works.
 * @throws StartError naming what is in the way, and the cures
 */
export const chooseRunAs = async (dataDir: string, binaries: Binaries): Promise<RunAs> => {
  if (process.platform === 'win32') return { ...asOurselves, endsWithUs: false }
  const failures: Failure[] = []
  for (const candidate of candidates(dataDir)) {
    const ran = await probe(candidate, dataDir, binaries)
    if (ran.code === 0) return candidate
    failures.push({ candidate, ran })
  }
  throw new StartError(explain(failures, dataDir, binaries))
}

const nobody = 65_534
const nobodyOfMac = 4_294_967_294
// The kernel signals the end of a parent only from now on: one that died a moment ago is asked for by its number.
const checkParent = ['sh', '-c', '[ "$PPID" = "$0" ] && exec "$@"', String(process.pid)]
const dieWithUs = ['--pdeathsig', 'INT', '--', ...checkParent]
// Inside it is not root, so PostgreSQL starts; outside it stays who it is, so it passes through a 0700 folder of ours.
const inNamespace = ['unshare', '--user', `--map-user=${nobody}`, `--map-group=${nobody}`, '--']
const asOurselves: RunAs = { prefix: [], identity: {}, owner: undefined, endsWithUs: false }

const candidates = (dataDir: string): RunAs[] => {
  const namespace: RunAs = { ...asOurselves, prefix: [...inNamespace, 'setpriv', ...dieWithUs], endsWithUs: true }
  if (process.getuid?.() !== 0) {
    // The last is for a user without a name, as in `docker run --user 12345`: PostgreSQL asks for the name.
    return [{ ...asOurselves, prefix: ['setpriv', ...dieWithUs], endsWithUs: true }, asOurselves, namespace]
  }
  const owners = possibleOwners(dataDir)
  return [
    ...owners.map(({ uid, gid }) => ({
      prefix: ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', ...dieWithUs],
      identity: {},
      owner: { uid, gid },
      endsWithUs: true,
    })),
    { ...namespace, owner: { uid: 0, gid: 0 } },
    // `| 0`: spawn takes nobody of macOS as -2, chown as its unsigned twin.
    ...owners.map((owner) => ({ ...asOurselves, identity: { uid: owner.uid | 0, gid: owner.gid | 0 }, owner })),
  ]
}

/** The person whose folder this is, so that a project in a home does not fill with files of nobody; else nobody. */
const possibleOwners = (dataDir: string): Owner[] => {
  const folders = [statSync(dataDir), statSync(dirname(dataDir))]
  const people = folders.filter(({ uid }) => uid !== 0).map(({ uid, gid }) => ({ uid, gid }))
  const id = process.platform === 'darwin' ? nobodyOfMac : nobody
  const all = [...people, { uid: id, gid: id }]
  return all.filter(({ uid }, place) => all.findIndex((other) => other.uid === uid) === place)
}

const stage = { enter: 81, write: 82, name: 83, execute: 126, find: 127 }
const script = `cd "$1" || exit ${stage.enter}
test -w . || exit ${stage.write}
id -un >/dev/null 2>&1 || exit ${stage.name}
exec "$2" --version`

const probe = async ({ prefix, identity, owner }: RunAs, dataDir: string, binaries: Binaries): Promise<Ran> => {
  const folder = mkdtempSync(join(dataDir, `.probe-${process.pid}-`))
  try {
    if (owner !== undefined) chownSync(folder, owner.uid, owner.gid)
    const env = plainEnv(loaderPath(binaries))
    return await run([...prefix, 'sh', '-c', script, 'sh', folder, binaries.postgres], { cwd: '/', env, ...identity })
  } catch (error) {
    // A container may forbid root to give files away.
    return { code: undefined, output: String(error) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The variable by which the loader finds libraries whose links are not beside them. */
export const loaderPath = ({ libraryPath }: Binaries): Record<string, string> => {
  if (libraryPath === undefined) return {}
  return process.platform === 'darwin' ? { DYLD_LIBRARY_PATH: libraryPath } : { LD_LIBRARY_PATH: libraryPath }
}

type Failure = { candidate: RunAs; ran: Ran }

const explain = (failures: Failure[], dataDir: string, binaries: Binaries): string => {
  const at = (...codes: number[]): Failure | undefined =>
    failures.find(({ ran: { code } }) => code !== undefined && codes.includes(code))
  const crossing = at(stage.enter, stage.write, stage.execute)
  if (crossing !== undefined) return explainCrossing(crossing, dataDir, binaries)
  const own = process.getuid?.() ?? nobody
  if (at(stage.name) !== undefined) {
    return `PostgreSQL wants its user to have a name and user ${own} has none: give it one in /etc/passwd, start as another user, or set DATABASE_URL.`
  }
  const last = failures.find(({ ran: { code } }) => code === stage.find) ?? failures[0]
  const output = last?.ran.output.trim().split('\n').at(-1) ?? ''
  return `The PostgreSQL in ${dirname(binaries.postgres)} does not run on this system (${output}): it needs glibc, which Alpine lacks, and a root that may become another user. Set DATABASE_URL to a PostgreSQL of your own.`
}

const explainCrossing = ({ candidate: { owner } }: Failure, dataDir: string, binaries: Binaries): string => {
  const user = owner ?? { uid: process.getuid?.() ?? nobody, gid: process.getgid?.() ?? nobody }
  const closed = [dataDir, dirname(binaries.postgres)].flatMap(foldersTo).find((folder) => !mayCross(folder, user))
  const cures = 'set KEYWRIGHT_DATA_DIR to a folder elsewhere, or set DATABASE_URL to a PostgreSQL of your own'
  if (closed === undefined) {
    return `PostgreSQL, as user ${user.uid}, can not write in ${dataDir} or not execute ${binaries.postgres}: ${cures}.`
  }
  return `PostgreSQL runs as user ${user.uid} and cannot pass through ${closed}: run "chmod o+x ${closed}", ${cures}.`
}

/** All folders from the root down to this one. */
const foldersTo = (folder: string): string[] =>
  folder === dirname(folder) ? [folder] : [...foldersTo(dirname(folder)), folder]

const mayCross = (folder: string, { uid, gid }: Owner): boolean => {
  const { mode, uid: user, gid: group } = lstatSync(folder)
  if (user === uid) return (mode & 0o100) !== 0
  if (group === gid) return (mode & 0o010) !== 0
  return (mode & 0o001) !== 0
}
