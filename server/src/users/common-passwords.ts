/**
 * Owns the blocklist of passwords that attackers try first: some 285 000 from breaches, in a filter of 670 KiB that is read
 * when somebody first chooses a password. `scripts/common-passwords.ts` makes the file and says from what.
 */
import { readFile } from 'node:fs/promises'
import { openFilter, type WordFilter } from './word-filter.ts'

export const commonPasswordsFile = new URL('common-passwords.bin', import.meta.url)

let loading: Promise<WordFilter> | undefined

/** The list, which is in lower case: read once in a process. One in 10 000 other passwords is taken for one of it. */
export const loadCommonPasswords = async (): Promise<WordFilter> => {
  loading ??= readFile(commonPasswordsFile).then(openFilter)
  return await loading
}
