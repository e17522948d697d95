/** Owns `keywright try`: the whole sign-in in a browser, each step printed as it happens. The steps are try-flow.ts's. */
import { spawn } from 'node:child_process'
import type { Command } from 'commander'
import { duration, readSecret } from './input.ts'
import { example, harmless, note, print } from './output.ts'
import type { Step } from './try-flow.ts'

type TryOptions = {
  client: string
  clientSecretStdin?: true
  scope: string
  redirectUri: string
  wait: number
  open: boolean
  json?: true
}

/** Adds `keywright try`. */
export const tryCommand = (program: Command): void => {
  program
    .command('try')
    .description('sign in once in the browser and print each step: code, tokens, userinfo, refresh, revocation')
    .option('--client <client_id>', 'the application to be', 'app_demo')
    .option('--client-secret-stdin', 'read the secret of a confidential application from standard input')
    .option('--scope <scopes>', 'the scopes to ask for', 'openid profile email')
    .option('--redirect-uri <uri>', 'a registered redirect URI of this machine', 'http://127.0.0.1/callback')
    .option('--wait <time>', 'how long to wait for the sign-in', duration, 600)
    .option('--no-open', 'print the address instead of opening the browser')
    .addHelpText('after', example('keywright try', 'keywright try --client app_demo --scope "openid email" --no-open'))
    .action(async (_options: unknown, command: Command) => {
      const options = command.optsWithGlobals<TryOptions>()
      const steps: Step[] = []
      const tell = (step: Step): void => {
        steps.push(step)
        if (!options.json) process.stdout.write(`${harmless(showStep(steps.length, step))}\n\n`)
      }
      await goThrough(options, tell)
      print(command, { steps }, 'Every step was right.')
    })
}

const goThrough = async (options: TryOptions, tell: (step: Step) => void): Promise<void> => {
  const client_secret = options.clientSecretStdin ? await readSecret('client secret') : undefined
  const [{ loadConfig }, { listenAt }, { signInOnce }] = await Promise.all([
    import('../config/load.ts'),
    import('./loopback.ts'),
    import('./try-flow.ts'),
  ])
  const { issuer } = loadConfig().config
  const loopback = await listenAt(options.redirectUri)
  const visit = (url: string): void => {
    note(`Open this address in a browser:\n\n  ${url}\n`)
    if (options.open && !options.json && process.stdout.isTTY) openBrowser(url)
  }
  const { client: client_id, scope, wait: waitSeconds } = options
  try {
    await signInOnce({ issuer, client_id, client_secret, scope, waitSeconds, tell, visit }, loopback)
  } finally {
    await loopback.close()
  }
}

/** A step for a person. Pure. */
export const showStep = (number: number, { step, facts }: Step): string => {
  const known = Object.entries(facts).filter(([, value]) => value !== undefined)
  const width = Math.max(0, ...known.map(([name]) => name.length))
  const lines = known.map(([name, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value, undefined, 2)
    return `   ${name.padEnd(width)}  ${text.replaceAll('\n', `\n${' '.repeat(width + 5)}`)}`
  })
  return [`${number}. ${step}`, ...lines].join('\n')
}

const openers: Partial<Record<NodeJS.Platform, [string, ...string[]]>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
}

/** The address is printed too, so a machine without a browser loses nothing. */
const openBrowser = (url: string): void => {
  const [program, ...args] = openers[process.platform] ?? ['xdg-open']
  spawn(program, [...args, url], { stdio: 'ignore', detached: true })
    .on('error', () => {})
    .unref()
}
