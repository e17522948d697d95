/**
 * Owns how many letters one address, one country and all together may get (security rules MF-3, RL-1), as pure functions
 * of what was queued before. Start reading at `tooMany`.
 */
import type { Letter } from './letter.ts'
import type { EarlierLetter } from './store.ts'

type Limit = { seconds: number; most: number; counts: (earlier: EarlierLetter) => boolean }

/** Whether one more letter would be too many for its address. `kinds` are all kinds there are, for those that count together. */
export const tooMany = (
  letter: Letter,
  earlier: readonly EarlierLetter[],
  { kinds, now }: { kinds: ReadonlyMap<string, Letter>; now: Date },
): boolean =>
  limitsOf(letter, kinds).some(({ seconds, most, counts }) => {
    const since = now.getTime() - seconds * 1000
    return earlier.filter((one) => one.created_at.getTime() > since && counts(one)).length >= most
  })

/** The longest window that any limit looks at, in seconds. */
export const longestWindowSeconds = 86_400

const limitsOf = (letter: Letter, kinds: ReadonlyMap<string, Letter>): Limit[] => {
  if (letter.limit === 'asked')
    return [{ seconds: 3600, most: 5, counts: (one) => kinds.get(one.kind)?.limit === 'asked' }]
  if (letter.limit === 'code') {
    const isSame = (one: EarlierLetter) => one.kind === letter.kind
    return [
      { seconds: 600, most: 3, counts: isSame },
      { seconds: longestWindowSeconds, most: 10, counts: isSame },
    ]
  }
  return []
}

/** A number gets this many text messages a day, of whatever kind: each costs money, and each makes somebody's telephone ring. */
export const textMessagesPerNumber = 10

/** Calling codes of one and two digits; all others have three (ITU-T E.164 Annex, complete list). */
const short = /^\+(?:7|20|27|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58])/

/** The beginning of a number that stands for its country; in North America, where many share one code, for its area. */
export const countryOf = (number: string): string =>
  number.startsWith('+1') ? number.slice(0, 5) : (short.exec(number)?.[0] ?? number.slice(0, 4))
