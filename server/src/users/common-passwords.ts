/** Owns the blocklist of common passwords: about 49 000, loaded only when somebody chooses a password. */

/** The list, in lower case. */
export const loadCommonPasswords = async (): Promise<ReadonlySet<string>> => {
  const { dictionary } = await import('@zxcvbn-ts/language-common')
  return new Set(dictionary['passwords-common'])
}
