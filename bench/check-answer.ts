/**
 * Owns the judgement of every answer during a measurement: a fast server that answers wrongly is not fast. Never sends
 * anything. Start reading at `createCheck`.
 */
import { type Answer, headerOf } from './connection.ts'
import type { Check, Job } from './job.ts'

/** Says what is wrong with an answer, or gives what the job wanted out of it ('' when it wanted nothing). */
export type Judged = { wrong: string } | { taken: string }

type Tokens = { access_token?: unknown; id_token?: unknown; refresh_token?: unknown; token_type?: unknown }

/** The check of one job; it remembers what it has seen, so that repeated documents are compared byte by byte. */
export function createCheck({ check, collect }: Pick<Job, 'check' | 'collect'>): (answer: Answer) => Judged {
  if (check.kind === 'document') return checkDocument(check.member)
  if (check.kind === 'tokens') return checkTokens(check, collect)
  if (check.kind === 'redirect') return (answer) => checkRedirect(answer, check.to)
  const isRight = isRightJson(check)
  return (answer) => (isRight(answer) ? taken : wrong(answer))
}

function isRightJson(check: Exclude<Check, { kind: 'document' | 'tokens' | 'redirect' }>): (answer: Answer) => boolean {
  if (check.kind === 'empty') return (answer) => answer.status === 200 && answer.body.length <= 2
  if (check.kind === 'inactive') return (answer) => jsonOf(answer).active === false
  return (answer) => {
    const { active, client_id, sub, email } = jsonOf(answer)
    if (check.kind === 'active') return active === true && client_id === check.client_id
    return typeof sub === 'string' && typeof email === 'string'
  }
}

const taken: Judged = { taken: '' }
const wrong = (answer: Answer): Judged => {
  const text = answer.body.toString('utf8', 0, 20_000).replaceAll(/<(style|script).*?<\/\1>|<[^>]*>|\s+/gs, ' ')
  return {
    wrong: `${answer.status} ${headerOf(answer, 'location')} ${text.replaceAll(/ +/g, ' ').trim().slice(0, 300)}`,
  }
}

function jsonOf(answer: Answer): Record<string, unknown> {
  if (answer.status !== 200) return {}
  return JSON.parse(answer.body.toString()) as Record<string, unknown>
}

function checkDocument(member: string): (answer: Answer) => Judged {
  let first: Buffer | undefined
  return (answer) => {
    if (first === undefined) {
      if (!(member in jsonOf(answer))) return wrong(answer)
      first = Buffer.from(answer.body)
    }
    return answer.status === 200 && first.equals(answer.body) ? taken : wrong(answer)
  }
}

function checkTokens(check: Check & { kind: 'tokens' }, collect: Job['collect']): (answer: Answer) => Judged {
  const algs = new Map<string, unknown>()
  const isSigned = (token: unknown, alg: string): boolean => {
    if (typeof token !== 'string') return false
    const [head = '', , signature = ''] = token.split('.')
    if (alg === 'opaque') return signature === '' && token.length >= 16
    // The shortest signature is one of ES256: 64 bytes.
    if (signature.length < 86) return false
    if (!algs.has(head))
      algs.set(head, (JSON.parse(Buffer.from(head, 'base64url').toString()) as { alg?: unknown }).alg)
    return algs.get(head) === alg
  }
  const idAlg = check.alg === 'opaque' ? 'RS256' : check.alg
  return (answer) => {
    const tokens: Tokens = jsonOf(answer)
    const good =
      tokens.token_type === 'Bearer' &&
      isSigned(tokens.access_token, check.alg) &&
      (check.id_token ? isSigned(tokens.id_token, idAlg) : tokens.id_token === undefined) &&
      (check.refresh_token ? typeof tokens.refresh_token === 'string' : tokens.refresh_token === undefined)
    if (!good) return wrong(answer)
    return collect === 'access_token' || collect === 'refresh_token' ? { taken: String(tokens[collect]) } : taken
  }
}

/** The answer to an authorization request: 303 to the client with a code, never an error, never a page. */
function checkRedirect(answer: Answer, to: string): Judged {
  const location = headerOf(answer, 'location')
  if (answer.status !== 303 || !location.startsWith(`${to}?`)) return wrong(answer)
  const code = new URLSearchParams(location.slice(to.length + 1)).get('code')
  return code === null || code.length < 16 ? wrong(answer) : { taken: code }
}
