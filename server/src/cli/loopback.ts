/**
 * Owns the listener of `keywright try`: the loopback redirect of a native application (RFC 8252 §7.3). It takes one
 * answer, the one that belongs to the request, and leaves everything else waiting outside.
 */
import { createServer, type ServerResponse } from 'node:http'
import { StartError } from '../config/start-error.ts'

export type Loopback = {
  /** The redirect URI with the port that is listened on. */
  redirect_uri: string
  /** The parameters of the answer with this `state`. Throws StartError when none comes in time. */
  answer: (state: string, waitSeconds: number) => Promise<URLSearchParams>
  close: () => Promise<void>
}

/** Listens at a loopback redirect URI; without a port in it, on any that is free. Throws StartError when that is not possible. */
export const listenAt = async (redirect: string): Promise<Loopback> => {
  const at = URL.canParse(redirect) ? new URL(redirect) : undefined
  if (at?.protocol !== 'http:' || !['127.0.0.1', 'localhost', '[::1]'].includes(at.hostname))
    throw new StartError(`${redirect} is not a redirect URI of this machine, such as http://127.0.0.1/callback.`)
  let heard: ((params: URLSearchParams) => boolean) | undefined
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    if (url.pathname !== at.pathname) return say(response, 404, 'Nothing is here.')
    const isOurs = heard?.(url.searchParams) ?? false
    if (!isOurs) return say(response, 400, 'This answer belongs to another request.')
    say(response, 200, 'Done. Go back to the terminal.')
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(new StartError(`${redirect} cannot be listened on: ${error.message}.`)))
    server.listen(Number(at.port || 0), at.hostname.replace(/[[\]]/g, ''), resolve)
  })
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return {
    redirect_uri: `http://${at.hostname}:${port}${at.pathname}`,
    answer: async (state, waitSeconds) =>
      await new Promise((resolve, reject) => {
        const late = new StartError(`Nobody finished the sign-in within ${waitSeconds} seconds.`)
        const timer = setTimeout(() => reject(late), waitSeconds * 1000)
        heard = (params) => {
          if (params.get('state') !== state) return false
          clearTimeout(timer)
          heard = undefined
          resolve(params)
          return true
        }
      }),
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const say = (response: ServerResponse, status: number, text: string): void => {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    connection: 'close',
  })
  response.end(pageOf(text))
}

/** A page of one sentence of ours, in the theme of the browser. */
const pageOf = (text: string): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Keywright</title>
<style>
:root { color-scheme: light dark }
body { display: grid; place-content: center; min-height: 100vh; margin: 0; padding: 1rem; box-sizing: border-box;
  font: 1.125rem/1.5 system-ui, sans-serif; text-align: center }
p { margin: 0 }
</style>
<p>${text}</p>
</html>
`
