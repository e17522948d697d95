/**
 * Owns password hashing: on the thread pool, never on the main thread, with a bounded number running and waiting (security
 * rule RL-2). Beyond that the answer is 503, so that a flood cannot eat the machine. New hashes are argon2id; those of
 * other systems are compared as they are. Never knows whose a hash is. Start reading at `compare`.
 */
import { hash as argon2 } from '@node-rs/argon2'
import { costOf, decoysOf, tooCostlyToVerify } from './hash-costs.ts'
import { type Argon2Hash, readHash, type StoredHash, writeHash } from './hash-formats.ts'
import { matches, normalize } from './hash-verify.ts'
import { Unavailable } from './unavailable.ts'

export type Hashing = {
  /** PHC string of an argon2id hash with the current parameters. Throws Unavailable when the queue is full. */
  hash: (password: string) => Promise<string>
  /** Compares with one hash of any known form; false for what is none. Throws Unavailable when the queue is full. */
  verify: (password_hash: string, password: string) => Promise<boolean>
  /**
   * Compares a password with the hash of an account, or with nothing where there is no account or no password. Unless it
   * is right and that `mayTell`, one hash of every kind in use is made, so that time tells nothing of whose account it is
   * (security rule LI-1, docs/adr/0012). Throws Unavailable when the queue is full.
   */
  compare: (password: string, account: { stored: string | undefined; mayTell: boolean }) => Promise<boolean>
  /** As `compare` for an account that does not exist. */
  verifyNobody: (password: string) => Promise<false>
  /** Tells whether a stored hash is another than the current kind and should be made again. */
  isOutdated: (password_hash: string) => boolean
  /**
   * The form in which a hash of another system is to be stored. One pass of a digest is no protection: it is hashed with
   * argon2id at once. Throws for what `checkImportedHash` refuses, and Unavailable when the queue is full.
   */
  adopt: (password_hash: string) => Promise<string>
}

/** `memoryKib` and `passes` are the argon2id parameters; parallelism is one (RFC 9106 §4 allows it, OWASP advises it). */
export type HashingOptions = {
  memoryKib: number
  passes: number
  running: number
  waiting: number
  /** Stored hashes, at least one of each kind in use; the current kind may be left out. */
  samples?: () => Promise<readonly string[]>
}

/** Makes the queue and what goes through it. */
export const createHashing = (options: HashingOptions): Hashing => {
  const { memoryKib, passes, running, waiting } = options
  const enter = createGate(running, waiting)
  const run = createRunner(Math.max(heavyKib, memoryKib), running)
  // 2 is argon2id; the library's name for it is a const enum, which erasable syntax cannot import.
  const cost = { algorithm: 2, memoryCost: memoryKib, timeCost: passes, parallelism: 1 }
  const prefix = `$argon2id$v=19$m=${memoryKib},t=${passes},p=1$`
  // Well-formed, of the current cost, and of no password: the work of comparing is the same as for a real one.
  const text = `${prefix}${'A'.repeat(22)}$${'A'.repeat(43)}`
  const nobody: Argon2Hash = { kind: 'argon2', text, memoryKib, passes, lanes: 1 }
  const make = async (secret: string): Promise<string> => await enter(async () => await argon2(secret, cost))
  const compare = createCompare({ enter, run, nobody, samples: options.samples ?? none })
  return {
    compare,
    hash: async (password) => await make(normalize(password)),
    verify: async (password_hash, password) => {
      const stored = readable(password_hash)
      return stored !== undefined && (await enter(async () => await run(stored, password)))
    },
    verifyNobody: async (password) => {
      await compare(password, { stored: undefined, mayTell: false })
      return false
    },
    isOutdated: (password_hash) => !password_hash.startsWith(prefix),
    adopt: async (password_hash) => {
      const stored = readable(password_hash)
      if (stored === undefined) throw new TypeError('this is no hash that can be adopted')
      if (stored.kind !== 'salted') return writeHash(stored)
      const outer = { ...nobody, text: await make(stored.hash.toString('base64')) }
      return writeHash({ ...stored, kind: 'wrapped', outer })
    },
  }
}

const none = async (): Promise<readonly string[]> => await Promise.resolve([])

type Comparing = {
  enter: ReturnType<typeof createGate>
  run: (stored: StoredHash, password: string) => Promise<boolean>
  nobody: StoredHash
  samples: () => Promise<readonly string[]>
}

/** All that one sign-in computes is computed in one turn: waiting twice would tell as much as hashing twice. */
const createCompare =
  ({ enter, run, nobody, samples }: Comparing): Hashing['compare'] =>
  async (password, { stored: written, mayTell }) => {
    const kinds = (await samples()).flatMap((sample) => readable(sample) ?? [])
    return await enter(async () => {
      const stored = written === undefined ? undefined : readable(written)
      const isRight = stored !== undefined && (await run(stored, password))
      if (isRight && mayTell) return true
      for (const decoy of decoysOf(nobody, kinds, stored)) await run(decoy, password)
      return isRight
    })
  }

const readable = (text: string): StoredHash | undefined => {
  const stored = readHash(text)
  return stored === undefined || tooCostlyToVerify(stored) !== undefined ? undefined : stored
}

/** Hashes that need more memory than this run one at a time, so that what was imported cannot fill the machine. */
const heavyKib = 65_536

const createRunner = (heavierKib: number, waiting: number) => {
  const alone = createGate(1, waiting)
  return async (stored: StoredHash, password: string): Promise<boolean> =>
    costOf(stored).memoryKib > heavierKib
      ? await alone(async () => await matches(stored, password))
      : await matches(stored, password)
}

const createGate = (running: number, waiting: number) => {
  let active = 0
  const queue: (() => void)[] = []
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (active >= running) {
      if (queue.length >= waiting) throw new Unavailable('the password hashing queue is full')
      await new Promise<void>((resolve) => queue.push(resolve))
    } else {
      active += 1
    }
    try {
      return await work()
    } finally {
      const next = queue.shift()
      if (next) next()
      else active -= 1
    }
  }
}
