/** Owns what tests of the command line share: how a refusal looks, and the commands that make and show clients. */
import { expect } from 'vitest'
import { type CliResult, cli } from './server.ts'

/** A command that was refused with this sentence: nothing on standard output, exit code 1. */
export const refused = (sentence: string): object => ({ code: 1, stdout: '', stderr: `keywright: ${sentence}\n` })

export type Credentials = { client_id: string; client_secret?: string }

export type ClientCommands = {
  run: (...args: string[]) => Promise<CliResult>
  /** `keywright client create` with a name of its own; it must succeed. */
  create: (...args: string[]) => Promise<Credentials>
  /** A client for client_credentials with scope `read`. */
  machine: () => Promise<Credentials>
  show: (client_id: string) => Promise<Record<string, unknown>>
}

/** The commands about clients, beside the server whose settings `env` gives: asked at each run, because it starts later. */
export const clientCommands = (env: () => Record<string, string | undefined>): ClientCommands => {
  let made = 0
  const run: ClientCommands['run'] = async (...args) => await cli(args, { env: env() })
  const create: ClientCommands['create'] = async (...args) => {
    const result = await run('client', 'create', '--name', `Client ${(made += 1)}`, ...args, '--json')
    expect(result, result.stderr).toMatchObject({ code: 0, stderr: '' })
    return result.json as Credentials
  }
  return {
    run,
    create,
    machine: async () => await create('--type', 'machine', '--scope', 'read'),
    show: async (client_id) => (await run('client', 'show', client_id, '--json')).json as Record<string, unknown>,
  }
}
