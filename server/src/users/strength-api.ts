/**
 * Owns the answer to "how good is this password", for the meter on the pages. It is asked while somebody types: the
 * password is neither kept nor logged, only pages of this server may ask, and not often. Start reading at `measure`.
 */
import { z } from 'zod'
import type { Ctx } from '../ctx.ts'
import { networksOf } from '../http/client-ip.ts'
import { checkOrigin } from '../http/csrf.ts'
import { refuse } from '../http/errors.ts'
import { readBody } from '../http/json-body.ts'
import { count } from '../http/limits.ts'
import { json, type Reply } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { route } from '../http/route.ts'
import { type Denial, deny, isDenial } from '../protocol/errors.ts'
import { checkNewPassword, passwordSentence } from './new-password.ts'

const path = '/api/v1/auth/password-strength'

/** `context` are words that the password must not be made of: the name and the address that were typed beside it. */
const question = z.strictObject({
  password: z.string().max(1024),
  context: z.array(z.string().max(200)).max(10).default([]),
})

const answerSchema = z.object({
  score: z.int().min(0).max(4),
  warning: z.enum(['keyboard', 'repeat', 'sequence', 'date', 'common', 'word', 'name', 'own']).nullable(),
  acceptable: z.boolean(),
  code: z.string().optional().describe('why not'),
  reason: z.string().optional(),
})

const perSecond = 3

const measure = async (ctx: Ctx, request: HttpRequest): Promise<Reply> => {
  const where = { route: path, request }
  const body = checkCaller(ctx, request) ?? readBody(question, request)
  if (isDenial(body)) return refuse(ctx, body, 'problem', where)
  const { password, context } = body
  const strength = await ctx.strength.measure(password, [...context, ctx.config.name], request.now)
  if (strength === undefined) return refuse(ctx, tooOften, 'problem', where)
  const problem = await checkNewPassword(ctx, password, context)
  if (problem === undefined) return json({ ...strength, acceptable: true })
  const { code } = problem
  // However hard it is to guess: what is refused is not good.
  const score = Math.min(strength.score, 1)
  return json({ score, warning: strength.warning, acceptable: false, code, reason: passwordSentence(problem) })
}

/**
 * A page of ours, and not too often. The counts are its own: whoever chooses a password must not use up the sign-ins of
 * everybody behind the same address (security rule RL-1).
 */
const checkCaller = (ctx: Ctx, request: HttpRequest): Denial | undefined => {
  const { header, now } = request
  // Browsers name the origin of every POST by a script; whoever names none is none.
  const foreign = header('origin') === undefined ? noOrigin : checkOrigin(ctx, request)
  if (foreign || !ctx.config.limits) return foreign
  const { machine, network } = networksOf(request.ip)
  const inThisSecond = ctx.ephemeral.hit(`pw1|${machine}`, 1, now).count
  if (inThisSecond > perSecond) return tooOften
  return (
    count(ctx, `pw|${machine}`, 2 * ctx.config.limit_login_address, now) ??
    count(ctx, `pwn|${network}`, 2 * ctx.config.limit_login_network, now)
  )
}

const noOrigin = deny(
  'access_denied',
  'Only pages of this server may ask this.',
  { rule: 'the meter answers pages of this server (AD-4)', expected: 'an Origin header', got: 'none' },
  { status: 403 },
)

const tooOften = deny(
  'too_many_requests',
  'Too many requests. Try again later.',
  {
    rule: 'passwords are measured a few times per second (RL-1)',
    expected: `at most ${perSecond} per address, and a dozen in all`,
    got: 'more',
  },
  { retry_after_seconds: 1 },
)

export const strengthRoutes = [
  route({
    method: 'POST',
    path,
    auth: 'none',
    errors: 'problem',
    accepts: 'json',
    summary: 'How hard a new password is to guess, and whether it would be accepted; for the pages of this server',
    api: { tag: 'Registration', body: question, answers: { 200: answerSchema }, refuses: [403] },
    handler: measure,
  }),
]
