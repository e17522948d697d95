/**
 * Owns `client apply`: a client and its credentials file brought to what the line says, however often it runs. The file
 * is written whole or not at all. Start reading at `addApply`.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import type { Command } from 'commander'
import type { Metadata } from '../clients/registration.ts'
import { StartError } from '../config/start-error.ts'
import type { Ctx } from '../ctx.ts'
import { metadataOf, metadataOptions, type MetadataOptions, type RequiredMetadata } from './client-options.ts'
import { load } from './load.ts'
import { example, print } from './output.ts'
import { accept } from './refusal.ts'

type Credentials = { client_id: string; client_secret?: string }

/** `secret`: the file's own is kept, a new one was made, or the client is public and has none. */
type Applied = {
  client_id: string
  changed: boolean
  secret: 'kept' | 'made' | 'none'
  out: string
}

/** Adds `keywright client apply`. */
export const addApply = (client: Command): void => {
  metadataOptions(
    client
      .command('apply')
      .description('create or change an application by its name, and keep its credentials in a file'),
    true,
  )
    .requiredOption('--out <file>', 'the file that holds client_id and client_secret')
    .addHelpText(
      'after',
      example(
        'keywright client apply --name shop --out oauth_client.json --type web --redirect-uri https://shop.example.com/cb',
      ),
    )
    .action(async (options: MetadataOptions & RequiredMetadata & { out: string }, command: Command) => {
      const { withCtx } = await load(async () => await import('../clients/manage.ts'))
      const metadata = {
        ...metadataOf(options),
        client_name: options.name,
        type: options.type,
      }
      const applied = await withCtx(async (ctx) => await apply(ctx, metadata, options.out))
      print(command, applied, sentence(applied))
    })
}

const apply = async (ctx: Ctx, metadata: Metadata, out: string): Promise<Applied> => {
  const { applyClient, rotateSecret, loadClient, secretIsLive } = await import('../clients/manage.ts')
  const held = readCredentials(out)
  // Made before anything changes, so that a folder that cannot be written to costs nobody a secret.
  const file = openNext(out)
  try {
    const { client_id, client_secret, changed } = accept(await applyClient(ctx, metadata))
    const client = await loadClient(ctx.db, client_id)
    const isPublic = client?.token_endpoint_auth_method === 'none'
    if (isPublic) {
      if (held?.client_id !== client_id || held.client_secret !== undefined) file.write({ client_id })
      return { client_id, changed, secret: 'none', out }
    }
    const isKept = held?.client_id === client_id && (await secretIsLive(ctx, client_id, held.client_secret ?? ''))
    if (isKept) return { client_id, changed, secret: 'kept', out }
    // The last secret stays valid for a day: somebody may still hold it.
    const made = client_secret ?? accept(await rotateSecret(ctx, client_id, 86_400)).client_secret ?? ''
    file.write({ client_id, client_secret: made })
    return { client_id, changed, secret: 'made', out }
  } finally {
    file.drop()
  }
}

const sentence = ({ client_id, changed, secret, out }: Applied): string => {
  if (secret === 'made') return `Client ${client_id} is as described; a new secret was made and written to ${out}.`
  return changed
    ? `Client ${client_id} is as described now; ${out} holds its credentials.`
    : `Client ${client_id} is as described already.`
}

/** What the file holds; undefined when there is none. A file that is something else is never overwritten. */
const readCredentials = (path: string): Credentials | undefined => {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw new StartError(`The file ${path} cannot be read (${codeOf(error)}).`)
  }
  const parsed = parse(text)
  if (typeof parsed !== 'object' || parsed === null || !('client_id' in parsed) || typeof parsed.client_id !== 'string')
    throw new StartError(
      `The file ${path} holds something else than a client's credentials: move it away, or choose another --out.`,
    )
  const { client_id } = parsed
  const hasSecret = 'client_secret' in parsed && typeof parsed.client_secret === 'string'
  return hasSecret ? { client_id, client_secret: String(parsed.client_secret) } : { client_id }
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A file beside the real one that takes its place in one step, readable by its owner only. */
const openNext = (path: string): { write: (credentials: Credentials) => void; drop: () => void } => {
  const next = `${path}.${randomBytes(4).toString('hex')}.new`
  let file: number
  try {
    file = openSync(next, 'wx', 0o600)
  } catch (error) {
    throw new StartError(`The file ${path} cannot be written (${codeOf(error)}); nothing was changed.`)
  }
  let isOpen = true
  return {
    write: (credentials) => {
      writeSync(file, `${JSON.stringify(credentials, undefined, 2)}\n`)
      fsyncSync(file)
      closeSync(file)
      isOpen = false
      renameSync(next, path)
    },
    drop: () => {
      if (!isOpen) return
      closeSync(file)
      rmSync(next, { force: true })
    },
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason'
