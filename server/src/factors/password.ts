/**
 * Owns a password as the second step, of somebody whose first step was another one. It counts in the same throttle as every
 * other pathway (security rule LI-5).
 */
import type { Ctx } from '../ctx.ts'
import { deviceCookie } from '../devices/remember.ts'
import type { HttpRequest } from '../http/request.ts'
import { giveBack, reserve, succeeded } from '../login/throttle.ts'
import { type Denial, isDenial } from '../protocol/errors.ts'
import { accountOf, provePassword } from '../users/credentials.ts'
import { canonicalLogin } from '../users/identifier.ts'
import { loadSubject } from '../users/subject.ts'

/** Compares the password of a known person. Undefined for a wrong one; refuses with `too_many_attempts` (429). */
export const checkPassword = async (
  ctx: Ctx,
  request: HttpRequest,
  { user_id, password }: { user_id: string; password: string },
): Promise<string[] | Denial | undefined> => {
  const subject = await loadSubject(ctx.db, user_id)
  const login = canonicalLogin(subject?.email ?? subject?.username ?? '')
  const account = await accountOf(ctx, login, deviceCookie(ctx, request))
  const attempt = await reserve(ctx, request, account)
  if (isDenial(attempt)) return attempt
  const proof = await provePassword(ctx, account, password).catch(async (error: unknown) => {
    // A comparison that could not be made was no wrong password (security rule G-1).
    await giveBack(ctx, attempt).catch(() => {})
    throw error
  })
  if (proof?.user_id !== user_id) return undefined
  await succeeded(ctx, attempt, request.now)
  return ['pwd']
}
