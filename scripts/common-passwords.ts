/**
 * Owns how server/src/users/common-passwords.bin is made: from lists of passwords that became known, the most frequent
 * first. Run by hand when there is a better list; the lists themselves are not in this repository.
 *
 *   node scripts/common-passwords.ts LIST…
 *
 * The one that is shipped was made of the first million of "Ten million passwords" (Mark Burnett, 2015, public domain).
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { dictionary } from '@zxcvbn-ts/language-common'
import { commonPasswordsFile } from '../server/src/users/common-passwords.ts'
import { buildFilter } from '../server/src/users/word-filter.ts'

/** Long enough by the default minimum: all of them. Only by the lowest that can be set: the first of each list. */
const frequent = 400_000
const oneIn = 10_000

const lists = process.argv.slice(2)
if (lists.length === 0) throw new Error('Say from which lists: node scripts/common-passwords.ts LIST…')

const words = new Set(dictionary['passwords-common'].filter((word) => word.length >= 4).map(form))
for (const list of lists) {
  const lines = readFileSync(list, 'utf8').split(/\r?\n/)
  for (const [rank, line] of lines.entries()) {
    const length = Array.from(line).length
    if (length >= 10 || (length >= 8 && rank < frequent)) words.add(form(line))
  }
}
const filter = buildFilter(words, oneIn)
writeFileSync(commonPasswordsFile, filter)
console.log(`${words.size} passwords in ${filter.length} bytes`)

/** As the policy compares. */
function form(word: string): string {
  return word.normalize('NFKC').toLowerCase()
}
