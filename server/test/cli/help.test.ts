/** The command line as a whole: help, wrong usage, exit codes, and that a help text loads no server. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { childEnv, shim, startChild, temporaryFolder } from '../support/child.ts'
import { type CliResult, cli } from '../support/server.ts'

const run = async (...args: string[]): Promise<CliResult> => await cli(args)

/** The commands that a help text lists; `help` itself is left out. */
const commandsIn = (help: string): string[] => {
  const [, list = ''] = help.split('\nCommands:\n')
  return [...list.matchAll(/^ {2}([a-z-]+)/gm)].flatMap(([, name]) =>
    name === undefined || name === 'help' ? [] : [name],
  )
}

describe('help', () => {
  it('lists every command, and each has an example and --json', { timeout: 120_000 }, async () => {
    const top = commandsIn((await run('--help')).stdout)
    expect(top).toEqual([
      'serve',
      'migrate',
      'seed',
      'healthcheck',
      'user',
      'role',
      'permission',
      'group',
      'service-account',
      'client',
      'api-key',
      'keys',
      'audit',
      'mail',
      'config',
      'doctor',
      'explain',
      'try',
      'pkce',
    ])
    const groups: Record<string, string[]> = {
      user: [
        'create',
        'list',
        'show',
        'update',
        'disable',
        'enable',
        'lock',
        'unlock',
        'end-sessions',
        'reset-factors',
        'require-action',
        'send-reset',
        'set-password',
        'roles',
        'delete',
        'import',
        'export',
        'invite',
        'invitations',
        'withdraw-invitation',
      ],
      role: ['list', 'create', 'update', 'grant', 'revoke', 'delete'],
      permission: ['list', 'create', 'delete'],
      group: ['list', 'create', 'update', 'members', 'delete'],
      'service-account': ['list', 'create', 'update', 'disable', 'enable', 'delete'],
      client: ['create', 'apply', 'list', 'show', 'update', 'rotate-secret', 'disable', 'enable', 'delete'],
      'api-key': ['create', 'list', 'rotate', 'activate', 'deactivate', 'delete'],
      keys: ['list', 'rotate', 'compromise', 'import', 'export'],
      audit: ['verify', 'public-key', 'search', 'export'],
      mail: ['test'],
      config: ['print', 'import'],
    }
    for (const [name, commands] of Object.entries(groups)) {
      expect(commandsIn((await run(name, '--help')).stdout)).toEqual(commands)
    }
    const leaves = top.flatMap((name) => groups[name]?.map((command) => [name, command]) ?? [[name]])
    for (const leaf of leaves) {
      const { code, stdout } = await run(...leaf, '--help')
      expect([code, stdout.includes('\nExample:\n  '), stdout.includes('--json')], leaf.join(' ')).toEqual([
        0,
        true,
        true,
      ])
    }
  })

  it('prints the version', async () => {
    expect((await run('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
    for (const args of [
      ['--version', '--json'],
      ['--json', '--version'],
    ])
      expect(await run(...args)).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^\{"version":"\d+\.\d+\.\d+"\}\n$/) as string,
      })
  })

  it.each([
    [['nosuch'], "keywright: unknown command 'nosuch'\n"],
    [['usr'], "keywright: unknown command 'usr'\n(Did you mean user?)\n"],
    [['user', 'nosuch'], "keywright: unknown command 'nosuch'\n"],
    [['user', 'show'], "keywright: missing required argument 'user'\n"],
    [['pkce', 'extra'], "keywright: too many arguments for 'pkce'. Expected 0 arguments but got 1: extra.\n"],
  ])('tells wrong usage with exit code 2: %j', async (args, stderr) => {
    expect(await run(...args)).toMatchObject({ code: 2, stdout: '', stderr })
  })

  it('shows the help of a group that is called without a command, as wrong usage', async () => {
    expect(await run('user')).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('Usage: keywright user') as string,
    })
  })
})

describe('what a command loads', () => {
  /** Reports each module of the server, or of a large library, that is resolved. */
  const watch = `data:text/javascript,${encodeURIComponent(`
    import { registerHooks } from 'node:module'
    registerHooks({ resolve(specifier, context, next) {
      const found = next(specifier, context)
      if (/(src\\/(app|ctx|serve)\\.ts|node_modules\\/(fastify|zod|postgres|pino|@clack)\\/)/.test(found.url)) process.stderr.write('LOADED ' + found.url + '\\n')
      return found
    } })`)}`
  const loaded = async (...args: string[]): Promise<string[]> => {
    const cwd = await temporaryFolder()
    const env = childEnv({ NODE_OPTIONS: `--import=${watch}`, KEYWRIGHT_DATA_DIR: join(cwd, 'data') })
    const child = startChild([process.execPath, shim, ...args], { env, cwd })
    await child.exit
    return [...child.stderr().matchAll(/^LOADED (.*)$/gm)].map(([, url]) => url ?? '')
  }

  it('help, version, pkce and wrong usage load no server', async () => {
    for (const args of [['--help'], ['user', 'create', '--help'], ['--version'], ['pkce'], ['nosuch']]) {
      expect(await loaded(...args), args.join(' ')).toEqual([])
    }
  })

  it('what needs no data folder makes none', async () => {
    const cwd = await temporaryFolder()
    const env = { KEYWRIGHT_DATA_DIR: join(cwd, 'data') }
    for (const args of [['--help'], ['pkce'], ['config', 'print'], ['healthcheck'], ['try', '--no-open']]) {
      await cli(args, { env, cwd })
      expect(readdirSync(cwd), args.join(' ')).toEqual([])
    }
  })

  it('a command that needs the server loads it, and never the web server', async () => {
    const modules = await loaded('keys', 'list')
    expect(modules.some((url) => url.endsWith('/src/app.ts'))).toBe(true)
    expect(modules.filter((url) => url.includes('/fastify/'))).toEqual([])
  })
})
