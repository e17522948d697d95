/**
 * Owns password hashing: argon2id on the thread pool, never on the main thread, with a bounded number running and
 * waiting (security rule RL-2). Beyond that the answer is 503, so that a flood cannot eat the machine.
 */
import { hash, verify } from '@node-rs/argon2'
import { Unavailable } from './unavailable.ts'

export type Hashing = {
  /** PHC string of an argon2id hash with the current parameters. Throws Unavailable when the queue is full. */
  hash: (password: string) => Promise<string>
  /** Compares with a PHC string. Throws Unavailable when the queue is full. */
  verify: (password_hash: string, password: string) => Promise<boolean>
  /** Compares with a hash of nobody at the same cost, for accounts that do not exist (security rule LI-1). Always false. */
  verifyNobody: (password: string) => Promise<false>
  /** Tells whether a stored hash has other parameters than the current ones and should be made again. */
  isOutdated: (password_hash: string) => boolean
}

/** `memoryKib` and `passes` are the argon2id parameters; parallelism is one (RFC 9106 §4 allows it, OWASP advises it). */
export const createHashing = (options: {
  memoryKib: number
  passes: number
  running: number
  waiting: number
}): Hashing => {
  const enter = createGate(options.running, options.waiting)
  // 2 is argon2id; the library's name for it is a const enum, which erasable syntax cannot import.
  const cost = { algorithm: 2, memoryCost: options.memoryKib, timeCost: options.passes, parallelism: 1 }
  const parameters = `m=${options.memoryKib},t=${options.passes},p=1$`
  // Well-formed, of the current cost, and of no password: the work of comparing is the same as for a real one.
  const nobody = `$argon2id$v=19$${parameters}${'A'.repeat(22)}$${'A'.repeat(43)}`
  return {
    hash: async (password) => await enter(async () => await hash(normalize(password), cost)),
    verify: async (password_hash, password) =>
      await enter(async () => await verify(password_hash, normalize(password))),
    verifyNobody: async (password) => {
      await enter(async () => await verify(nobody, normalize(password)))
      return false
    },
    isOutdated: (password_hash) => !password_hash.includes(`$argon2id$v=19$${parameters}`),
  }
}

/** NIST SP 800-63B §3.1.1.2: the same password typed on two keyboards is the same password. */
const normalize = (password: string): string => password.normalize('NFKC')

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
