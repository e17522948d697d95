/**
 * Owns the commands about signing keys, each of which is one operation of keys/manage.ts. Never touches a private key.
 * Start reading at `keyCommands`.
 */
import { readFileSync } from 'node:fs'
import { type Command, Option } from 'commander'
import type { SigningAlg } from '../config/schema.ts'
import { StartError } from '../config/start-error.ts'
import type { KeyImport, KeyInfo, Rotated } from '../keys/manage.ts'
import { confirmLoss, duration } from './input.ts'
import { load } from './load.ts'
import { columns, example, minuteOf, print } from './output.ts'
import { accept, UsageError } from './refusal.ts'

/** Adds `keywright keys …`. */
export const keyCommands = (program: Command): void => {
  const keys = program.command('keys').description('the keys that sign tokens')
  for (const add of [addList, addRotate, addCompromise, addImport, addExport]) add(keys)
}

const loadKeys = async () => await load(async () => await import('../keys/manage.ts'))

const addList = (keys: Command): void => {
  keys
    .command('list')
    .description('list the keys with what each does, newest first')
    .addHelpText('after', example('keywright keys list'))
    .action(async (_options: unknown, command: Command) => {
      const { withCtx, listKeyInfo } = await loadKeys()
      const found = await withCtx(async (ctx) => await listKeyInfo(ctx))
      print(command, { keys: found }, showKeys(found))
    })
}

const showKeys = (keys: readonly KeyInfo[]): string =>
  keys.length === 0
    ? 'There is no key yet: the server makes one for each algorithm when it starts.'
    : columns(
        ['KID', 'ALG', 'STATUS', 'SINCE', 'NEXT'],
        keys.map((key) => [key.kid, key.alg, key.status, minuteOf(sinceOf(key)), nextOf(key)]),
      )

const sinceOf = ({ passive_at, activated_at, created_at }: KeyInfo): Date => passive_at ?? activated_at ?? created_at

const nextOf = ({ status, activate_at, verify_until }: KeyInfo): string => {
  if (status === 'pending') return `signs from ${minuteOf(activate_at)}`
  return status === 'passive' && verify_until !== null ? `verifies until ${minuteOf(verify_until)}` : ''
}

/** Written out: the schema is not loaded for a help text. */
const signingAlgs = ['RS256', 'ES256', 'PS256', 'EdDSA'] as const satisfies readonly SigningAlg[]

const algOption = (description: string): Option => new Option('--alg <alg>', description).choices(signingAlgs)

const addRotate = (keys: Command): void => {
  keys
    .command('rotate')
    .description('make a new key; it is published first and signs after KEYWRIGHT_KEY_PUBLISH_SECONDS')
    .addOption(algOption('only this algorithm; all that are switched on when left out'))
    .option('--now', 'sign with it at once: verifiers that cache keys may refuse new tokens for a while')
    .addHelpText('after', example('keywright keys rotate', 'keywright keys rotate --alg RS256 --now'))
    .action(async (options: { alg?: string; now?: true }, command: Command) => {
      const { withCtx, rotateNow } = await loadKeys()
      const rotated = await withCtx(async (ctx) => {
        const algs = options.alg === undefined ? ctx.config.signing_algs : [options.alg]
        return accept(await rotateNow(ctx, { algs, atOnce: options.now === true }))
      })
      print(command, { keys: rotated }, rotated.map(showRotated).join('\n'))
    })
}

const showRotated = ({ alg, kid, status, signs_from, made, replaced }: Rotated): string => {
  if (status === 'pending')
    return `${alg}: ${kid} ${made ? 'is published and' : 'was waiting already; it'} signs from ${minuteOf(signs_from)}.`
  return `${alg}: ${kid} signs now${replaced === undefined ? '' : ` in place of ${replaced}, which still verifies`}.`
}

const addCompromise = (keys: Command): void => {
  keys
    .command('compromise')
    .description('declare a key compromised: it leaves the key set and every token it signed is dead, at once')
    .argument('<kid>', 'of `keywright keys list`')
    .option('--yes', 'confirm: it cannot be undone')
    // A thumbprint may begin with a dash, and this is no moment to learn about `--`.
    .allowUnknownOption()
    .addHelpText('after', example('keywright keys compromise kS3r9… --yes'))
    .action(async (kid: string, options: { yes?: true }, command: Command) => {
      await confirmLoss(`Kill every token that ${kid} signed?`, options.yes)
      const { withCtx, compromiseKey } = await loadKeys()
      const done = accept(await withCtx(async (ctx) => await compromiseKey(ctx, kid)))
      const instead = done.replaced_by === undefined ? '' : ` ${done.replaced_by} signs in its place.`
      const text = done.changed
        ? `Every token that ${kid} signed is dead.${instead}`
        : `${kid} was declared compromised before.`
      print(command, done, text)
    })
}

type ImportOptions = {
  pem: string
  kid?: string
  alg?: string
  passive?: true
  verifyFor?: number
}

const addImport = (keys: Command): void => {
  keys
    .command('import')
    .description('bring in a key of an older system; it is published first, like a new one')
    .requiredOption('--pem <file>', 'the key: RSA of 2048 bits or more, P-256 or Ed25519')
    .option('--kid <kid>', 'its key id; left out, the RFC 7638 thumbprint')
    .addOption(algOption('what it is for; left out, RS256, ES256 or EdDSA by its kind'))
    .option('--passive', 'it only verifies, and its private half is not kept')
    .option('--verify-for <time>', 'how long a passive key verifies (30d when left out)', duration)
    .addHelpText('after', example('keywright keys import --pem old-key.pem --kid old-2024 --passive --verify-for 30d'))
    .action(async (options: ImportOptions, command: Command) => {
      if (options.verifyFor !== undefined && !options.passive) throw new UsageError('--verify-for goes with --passive.')
      const { withCtx, importKey } = await loadKeys()
      const { kid, alg, verifyFor: verifySeconds = 30 * 86_400 } = options
      const role = options.passive ? { passive: true as const, verifySeconds } : { passive: false as const }
      const given: KeyImport = { pem: readPem(options.pem), kid, alg, ...role }
      const key = accept(await withCtx(async (ctx) => await importKey(ctx, given)))
      print(command, key, `Imported ${key.kid} (${key.alg}): ${nextOf(key)}.`)
    })
}

const readPem = (path: string): string => {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason'
    throw new StartError(`The file ${path} cannot be read (${code}).`)
  }
}

const addExport = (keys: Command): void => {
  keys
    .command('export')
    .description('print the published key set (RFC 7517)')
    .option('--public', 'must be said: private keys never leave the database')
    .addHelpText('after', example('keywright keys export --public > jwks.json'))
    .action(async (options: { public?: true }, command: Command) => {
      if (!options.public) throw new UsageError('Private keys never leave the database: say --public.')
      const { withCtx, publicKeySet } = await loadKeys()
      const set = accept(await withCtx(async (ctx) => await publicKeySet(ctx)))
      print(command, set, JSON.stringify(set, undefined, 2))
    })
}
