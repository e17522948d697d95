/**
 * Owns the estimate of how hard a password is to guess. zxcvbn and its lists take 25 MB and are loaded when somebody first
 * chooses a password on a page; it computes on the main thread, so what it may be asked is bounded. Never decides whether
 * a password is accepted (users/new-password.ts does).
 */

/** What makes a password easy to guess, where one thing stands out. */
export type StrengthWarning = 'keyboard' | 'repeat' | 'sequence' | 'date' | 'common' | 'word' | 'name' | 'own'

/** `score` is zxcvbn's: 0 falls to the first thousand guesses, 4 stands ten thousand million. */
export type Strength = { score: 0 | 1 | 2 | 3 | 4; warning: StrengthWarning | null }

export type StrengthMeter = {
  /** Undefined when this process has been asked too often within the second. `words` are the account's own. */
  measure: (password: string, words: readonly string[], now: Date) => Promise<Strength | undefined>
}

/** What is beyond this adds nothing to a score and much to the time it takes. */
const longest = 64
/** Some two milliseconds each, ten at worst: a tenth of the main thread. */
const perSecond = 12

/** Makes the meter of one process. */
export const createStrengthMeter = (): StrengthMeter => {
  const taken = { second: 0, count: 0 }
  let loading: ReturnType<typeof load> | undefined
  const isFree = (now: Date): boolean => {
    const second = Math.floor(now.getTime() / 1000)
    if (taken.second !== second) Object.assign(taken, { second, count: 0 })
    taken.count += 1
    return taken.count <= perSecond
  }
  return {
    measure: async (password, words, now) => {
      if (!isFree(now)) return undefined
      loading ??= load()
      const { score, feedback } = (await loading).check(password.normalize('NFKC').slice(0, longest), [...words])
      return { score, warning: warnings[feedback.warning ?? ''] ?? null }
    },
  }
}

const load = async () => {
  const [{ ZxcvbnFactory }, { dictionary, adjacencyGraphs }] = await Promise.all([
    import('@zxcvbn-ts/core'),
    import('@zxcvbn-ts/language-common'),
  ])
  // A hundred substitutions, the default, take up to a third of a second for 64 characters; ten give the same scores.
  return new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs, maxLength: longest, l33tMaxSubstitutions: 10 })
}

const warnings: Readonly<Record<string, StrengthWarning>> = {
  straightRow: 'keyboard',
  keyPattern: 'keyboard',
  simpleRepeat: 'repeat',
  extendedRepeat: 'repeat',
  sequences: 'sequence',
  recentYears: 'date',
  dates: 'date',
  topTen: 'common',
  topHundred: 'common',
  common: 'common',
  similarToCommon: 'common',
  wordByItself: 'word',
  namesByThemselves: 'name',
  commonNames: 'name',
  userInputs: 'own',
}
