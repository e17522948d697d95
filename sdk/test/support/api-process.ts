/** Owns starting that API, and asking it. */
import { join } from 'node:path'
import { childEnv, startChild, temporaryFolder } from '../../../server/test/support/child.ts'
import { until } from '../../../server/test/support/looks.ts'
import type { VerifierOptions } from '../../src/index.ts'

export type Api = {
  /** The status with a token: 200, 401, 503; and the problem's code. */
  ask: (token: string) => Promise<{ status: number; code: string | undefined; sub: string | undefined }>
  feed: () => Promise<{ state: string; ageMs: number }>
}

/** Starts it and waits until it follows the feed, where it has one. */
export const startApi = async (options: VerifierOptions): Promise<Api> => {
  const env = childEnv({ API_OPTIONS: JSON.stringify(options) })
  const child = startChild([process.execPath, join(import.meta.dirname, 'api.ts')], {
    env,
    cwd: await temporaryFolder(),
  })
  const port = (): string | undefined => /port (\d+)/.exec(child.stdout())?.[1]
  await until(() => {
    if (child.process.exitCode !== null) throw new Error(child.output())
    return port() !== undefined
  })
  const get = async (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    await fetch(`http://127.0.0.1:${port() ?? ''}${path}`, { headers })
  const api: Api = {
    ask: async (token) => {
      const response = await get('/', { authorization: `Bearer ${token}` })
      const body = (await response.json()) as { code?: string; sub?: string }
      return { status: response.status, code: body.code, sub: body.sub }
    },
    feed: async () => (await (await get('/feed')).json()) as { state: string; ageMs: number },
  }
  if (options.revocations !== false) await until(async () => (await api.feed()).state === 'fresh')
  return api
}
