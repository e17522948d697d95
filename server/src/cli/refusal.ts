/**
 * Owns how a command says no: every failure becomes one sentence on standard error, never a stack.
 * Start reading at `sentenceOf`.
 */
import { StartError } from '../config/start-error.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'

/** The command was called wrongly, in a way that the parser cannot see. The exit code is 2. */
export class UsageError extends Error {
  override name = 'UsageError'
}

/** Hands on a result; throws the sentence of a refusal. */
export const accept = <T>(result: T | Denial): T => {
  if (isDenial(result)) throw new StartError(denialSentence(result))
  return result
}

/** The public sentence, and for what somebody typed also what came: the operator may see it, and needs to. */
const denialSentence = ({ error, error_description, because: { got } }: Denial): string => {
  const isTyped = error === 'invalid_client_metadata' || error === 'invalid_redirect_uri'
  if (!isTyped || got === undefined || error_description.includes(got)) return error_description
  return `${error_description.replace(/\.$/, '')}; got ${got}.`
}

/** What is printed of an error. A broken database is told from a bug. */
export const sentenceOf = async (error: unknown): Promise<string> => {
  const message = error instanceof Error && error.message !== '' ? error.message : String(error)
  if (error instanceof StartError || error instanceof UsageError) return message
  const { isUnavailable } = await import('../db/connect.ts')
  if (isUnavailable(error)) return `The database does not answer: ${message}. Nothing was changed; try again.`
  // SQLSTATE 42501, insufficient_privilege.
  const isForbidden = error instanceof Error && 'code' in error && error.code === '42501'
  if (isForbidden)
    return `The database role of DATABASE_URL lacks a right: ${message}. Make it the owner of the database.`
  return `The command failed for a reason it does not know: ${message}.`
}
