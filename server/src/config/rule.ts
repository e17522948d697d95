/** Owns what a rule about settings is, and the checks that several of them share. The rules stand in check.ts. Pure. */
import type { Config } from './schema.ts'

/** One sentence about the settings it `reads`. A problem stops the start, a notice is only said. */
export type Finding = { level: 'problem' | 'notice'; reads: readonly (keyof Config)[]; text: string }

/** A rule: the sentences that it has to say of a configuration, none when all is well. */
export type Rule = Omit<Finding, 'text'> & { check: (config: Config) => string | undefined | readonly string[] }

export const problem = (reads: Rule['reads'], check: Rule['check']): Rule => ({ level: 'problem', reads, check })
export const notice = (reads: Rule['reads'], check: Rule['check']): Rule => ({ level: 'notice', reads, check })
export const isProduction = ({ profile }: Config): boolean => profile === 'production'

/** A sentence when a setting is no address with one of these schemes (`https:`) and a host. */
export const checkAddress = (env: string, schemes: readonly string[], url: string | undefined): string | undefined => {
  if (url === undefined) return undefined
  const fits = URL.canParse(url) && schemes.includes(new URL(url).protocol) && /^\w+:\/\/[^/]/.test(url)
  return fits ? undefined : `${env}: expected an address that begins with ${schemes.map((s) => `${s}//`).join(' or ')}.`
}
