/**
 * Owns what a password hash may cost. A stored hash names its own cost, and whoever imports accounts chooses it: without
 * bounds one line of an import could take all memory or a core for a day (security design 3.6). Pure.
 */
import { type ByKind, byKind, digestBytes, type StoredHash } from './hash-formats.ts'

/** What one hash costs, on one core of 2024: about so many milliseconds, and so much memory while it runs. */
export type Cost = { ms: number; memoryKib: number }

/** Estimates from the parameters alone. Right within a factor of three, which is enough to bound and to compare. */
export const costOf = (stored: StoredHash): Cost => byKind(costs, stored)

const costs: ByKind<Cost> = {
  argon2: ({ memoryKib, passes }) => ({ ms: (memoryKib * passes) / 3300, memoryKib }),
  wrapped: ({ outer }) => costOf(outer),
  bcrypt: ({ cost }) => ({ ms: 2 ** cost / 19, memoryKib: 4 }),
  // RFC 7914 §2: N blocks of 128 r bytes, gone over twice for each of p lanes.
  scrypt: ({ ln, r, p }) => ({ ms: (2 ** ln * r * p) / 3700, memoryKib: (2 ** ln * r) / 8 }),
  firebase: (stored) => costOf({ ...stored, kind: 'scrypt', p: 1 }),
  pbkdf2: (stored) => ({ ms: passesOf(stored) / (stored.digest === 'sha512' ? 2200 : 6700), memoryKib: 1 }),
  salted: () => ({ ms: 0, memoryKib: 1 }),
}

/** A name for what costs the same: one of each is made where time may tell nothing (security rule LI-1). */
export const classOf = (stored: StoredHash): string => byKind(classes, stored)

const classes: ByKind<string> = {
  argon2: ({ memoryKib, passes }) => `argon2 ${memoryKib} ${passes}`,
  wrapped: ({ outer }) => classOf(outer),
  bcrypt: ({ cost }) => `bcrypt ${cost}`,
  scrypt: ({ ln, r, p }) => `scrypt ${ln} ${r} ${p}`,
  firebase: ({ ln, r }) => `scrypt ${ln} ${r} 1`,
  pbkdf2: (stored) => `pbkdf2 ${stored.digest} ${passesOf(stored)}`,
  salted: () => 'salted',
}

/** What all hashes that one refused sign-in makes for the sake of time may take together, by estimate. */
const budgetMs = 1500

/**
 * What is still to be hashed after `done`, so that every refused sign-in has made one hash of each class: the current one,
 * and of those in use, the cheapest first, as many as the budget allows. What an import brings must not stop everybody.
 */
export const decoysOf = (
  current: StoredHash,
  inUse: readonly StoredHash[],
  done: StoredHash | undefined,
): StoredHash[] => {
  let spentMs = 0
  const others = new Map(inUse.map((stored) => [classOf(stored), stored]))
  others.delete(classOf(current))
  const affordable = [...others.values()]
    .toSorted((a, b) => costOf(a).ms - costOf(b).ms)
    .filter((stored) => {
      spentMs += costOf(stored).ms
      return spentMs <= budgetMs
    })
  return [current, ...affordable].filter((stored) => done === undefined || classOf(stored) !== classOf(done))
}

// RFC 8018 §5.2: each block of the result is derived anew.
const passesOf = ({ iterations, hash, digest }: StoredHash & { kind: 'pbkdf2' }): number =>
  iterations * Math.ceil(hash.length / digestBytes[digest])

/** What is too much about a hash that comes from another system; undefined when it may be taken over. */
export const tooCostly = (stored: StoredHash): string | undefined => {
  const made = stored.kind === 'wrapped' ? stored.outer : stored
  return (
    tooMuchMemory(made) ?? tooCostlyToVerify(made) ?? (made.kind === 'argon2' ? above(argon2Import, made) : undefined)
  )
}

/**
 * What is too much about a hash that lies in the database. As for an import, but argon2id as far as the settings of this
 * server reach, for its operator may have had larger ones.
 */
export const tooCostlyToVerify = (stored: StoredHash): string | undefined => byKind(excesses, stored)

const argon2Import = { passes: 10, lanes: 8 }
const argon2Own = { memoryKib: 1_048_576, passes: 20, lanes: 8 }

const excesses: ByKind<string | undefined> = {
  argon2: (stored) => above(argon2Own, stored),
  wrapped: ({ outer }) => above(argon2Own, outer),
  bcrypt: (stored) => above({ cost: 14 }, stored),
  scrypt: (stored) => above({ ln: 20, r: 32, p: 16 }, stored) ?? tooMuchScrypt(stored),
  firebase: (stored) => above({ ln: 20, r: 32 }, stored) ?? tooMuchScrypt(stored),
  pbkdf2: (stored) => above({ iterations: 2_000_000 }, stored),
  salted: () => undefined,
}

/** RFC 7914 §2: N, r and p multiply; each within its bound may still be too much together. */
const tooMuchScrypt = (stored: StoredHash): string | undefined =>
  tooMuchMemory(stored) ?? (costOf(stored).ms > 2 ** 22 / 3700 ? 'N × r × p above 4194304' : undefined)

const tooMuchMemory = (stored: StoredHash): string | undefined => {
  const { memoryKib } = costOf(stored)
  return memoryKib > 256 * 1024 ? `${Math.round(memoryKib / 1024)} MiB of memory; at most 256` : undefined
}

const above = (limits: Readonly<Record<string, number>>, facts: object): string | undefined => {
  const over = Object.entries(facts).find(([name, value]) => Number(value) > (limits[name] ?? Infinity))
  return over && `${over[0]} ${String(over[1])}; at most ${limits[over[0]]}`
}
