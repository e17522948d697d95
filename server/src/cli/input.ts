/**
 * Owns what commands read: repeated options, numbers, standard input, and questions, which are asked only at a terminal.
 */
import { InvalidArgumentError } from 'commander'
import { StartError } from '../config/start-error.ts'
import { UsageError } from './refusal.ts'

/** Gathers an option that may be given several times. */
export const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value]

/** A whole number, zero or above. */
export const wholeNumber = (value: string): number => {
  if (!/^\d{1,15}$/.test(value)) throw new InvalidArgumentError('It must be a whole number.')
  return Number(value)
}

/** Seconds between two bounds, or another whole number. */
export const numberBetween =
  (least: number, most: number) =>
  (value: string): number => {
    const number = wholeNumber(value)
    if (number < least || number > most) throw new InvalidArgumentError(`It must be from ${least} to ${most}.`)
    return number
  }

const unitSeconds: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** A time such as 90s, 30m, 24h or 7d as seconds; a bare number is seconds already. At most a year. */
export const duration = (value: string): number => {
  const [, digits, unit = 's'] = /^(\d{1,9})([smhd])?$/.exec(value) ?? []
  const seconds = Number(digits ?? Number.NaN) * (unitSeconds[unit] ?? Number.NaN)
  if (seconds <= 366 * 86_400) return seconds
  throw new InvalidArgumentError('It must be a time such as 90s, 30m, 24h or 7d, at most a year.')
}

/** A JSON object. */
export const jsonObject = (value: string): Record<string, unknown> => {
  let parsed: unknown
  try {
    parsed = JSON.parse(value)
  } catch {
    throw new InvalidArgumentError('It must be JSON.')
  }
  if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Record<string, unknown>
  throw new InvalidArgumentError('It must be a JSON object, such as {"department":"sales"}.')
}

/**
 * A password: from standard input when asked so, else by a question at a terminal. Undefined when it shall have none.
 * `needed`: the command does not know --no-password.
 */
export const readPassword = async (
  options: { passwordStdin?: true; password?: boolean },
  needed = false,
): Promise<string | undefined> => {
  if (options.passwordStdin) return await readSecret('password')
  if (options.password === false) return undefined
  if (!isTerminal())
    throw new UsageError(
      `Give the password on standard input, with --password-stdin${needed ? '' : ', or say --no-password'}.`,
    )
  const { password } = await import('@clack/prompts')
  return answered(
    await password({
      message: 'Password',
      validate: (text) => (text ? undefined : 'It is empty.'),
    }),
  )
}

/** Reads a secret from standard input, whole. The line end that `echo` leaves is no part of it. */
export const readSecret = async (what: string): Promise<string> => {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > 65_536) throw new StartError(`The ${what} on standard input is longer than 64 KB.`)
    chunks.push(chunk)
  }
  const text = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '')
  if (text === '') throw new StartError(`The ${what} on standard input is empty.`)
  return text
}

/** Asks before something is lost; without a terminal `--yes` must say it. */
export const confirmLoss = async (question: string, yes: boolean | undefined): Promise<void> => {
  if (yes === true) return
  if (!isTerminal()) throw new UsageError('This cannot be undone: say --yes.')
  const { confirm } = await import('@clack/prompts')
  if (!answered(await confirm({ message: question, initialValue: false }))) throw new StartError('Nothing was changed.')
}

/** Questions need a person at both ends: piped input or output belongs to a script. */
const isTerminal = (): boolean => process.stdin.isTTY && process.stdout.isTTY

/** Ctrl-C at a question is a no. */
const answered = <T>(answer: T): Exclude<T, symbol> => {
  if (typeof answer === 'symbol') throw new StartError('Nothing was changed.')
  return answer as Exclude<T, symbol>
}
