/** An API as others write it, in a process of its own: one guarded route, and one that says how its feed is. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createGuards } from '../../src/express.ts'
import { createVerifier, type VerifierOptions } from '../../src/index.ts'

const verifier = createVerifier(JSON.parse(process.env['API_OPTIONS'] ?? '{}') as VerifierOptions)
const { requireAuth, authOf } = createGuards(verifier)
const guard = requireAuth()

const server = createServer((request, response) => {
  if (request.url === '/feed') return response.end(JSON.stringify(verifier.feed()))
  return guard(request, response, () => response.end(JSON.stringify({ sub: authOf(request).sub })))
})
server.listen(0, '127.0.0.1', () => console.log(`port ${(server.address() as AddressInfo).port}`))
