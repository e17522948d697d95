/**
 * A reason why this process cannot start or a command cannot run, in one sentence that a person can act on.
 * The command line prints the message and exits with 1; nothing has been lost or half done when it is thrown.
 */
export class StartError extends Error {
  override name = 'StartError'
}
