/** Owns the page on which a person says who they are. What may be said is users/profile-checks.ts's. */
import type { Ctx } from '../ctx.ts'
import { forgottenLanguage } from '../http/language.ts'
import { pathOf } from '../http/paths.ts'
import { page, type Reply, redirectLocal } from '../http/reply.ts'
import type { HttpRequest } from '../http/request.ts'
import { refuse } from '../http/errors.ts'
import { route } from '../http/route.ts'
import type { PageData } from '../pages/data.ts'
import type { Message } from '../pages/messages.ts'
import { isDenial } from '../protocol/errors.ts'
import { param } from '../protocol/params.ts'
import {
  addressParts,
  changeProfile,
  type Profile,
  profileOf,
  type ProfileProblem,
  textClaims,
} from '../users/profile.ts'
import { accountFrame, type Own, ownForm, signedIn, withCookies } from './frame.ts'

type Values = PageData['account-profile']['values']
type Errors = PageData['account-profile']['errors']

const show = (ctx: Ctx, request: HttpRequest, own: Own): Reply => {
  const { address, ...texts } = profileOf(own.subject)
  const known: Partial<Record<string, string | null>> = { ...texts, ...address }
  return profilePage(ctx, request, own, { values: valuesOf((name) => known[name]) })
}

const valuesOf = (value: (name: string) => string | null | undefined): Values =>
  Object.fromEntries([...textClaims, ...addressParts].map((name) => [name, value(name) ?? ''])) as Values

type Filled = { values: Values; errors?: Errors }

const profilePage = (ctx: Ctx, request: HttpRequest, own: Own, { values, errors }: Filled): Reply => {
  const { phone_number, phone_number_verified } = own.subject
  const data: PageData['account-profile'] = {
    ...accountFrame(ctx, request, own, 'profile'),
    action: pathOf(ctx, '/account/profile'),
    values,
    zones: Intl.supportedValuesOf('timeZone'),
    ...(phone_number !== null && { phone: { number: phone_number, verified: phone_number_verified } }),
    ...(errors && { errors }),
  }
  return page('account-profile', data, errors ? 422 : 200, withCookies(own))
}

const save = async (ctx: Ctx, request: HttpRequest, own: Own): Promise<Reply> => {
  const change = readForm(request)
  const outcome = await changeProfile(ctx, request, { user_id: own.session.user_id, change })
  if (isDenial(outcome)) return refuse(ctx, outcome, 'page', { route: '/account/profile', request })
  if ('problems' in outcome) {
    const errors = Object.entries(outcome.problems).map(([member, problem]) => [member, messages[problem]])
    return profilePage(ctx, request, own, {
      values: valuesOf((name) => param(request.form, name)),
      errors: Object.fromEntries(errors) as Errors,
    })
  }
  // Whoever sets a language here wants to read it.
  const cookies = outcome.locale === own.subject.locale ? [] : [forgottenLanguage]
  return redirectLocal('/account/profile?done=saved', { cookies })
}

/** A field that the form has not is left as it is. */
const readForm = (request: HttpRequest): Partial<Profile> => {
  const sent = (name: string): [string, string][] => {
    const value = param(request.form, name)
    return value === undefined ? [] : [[name, value]]
  }
  const address = addressParts.flatMap(sent)
  return {
    ...Object.fromEntries(textClaims.flatMap(sent)),
    ...(address.length > 0 && { address: Object.fromEntries(address) }),
  }
}

const messages: Record<ProfileProblem, Message> = {
  characters: { key: 'profile.error.characters' },
  too_long: { key: 'profile.error.too_long' },
  web_address: { key: 'profile.error.web_address' },
  https_address: { key: 'profile.error.https_address' },
  date: { key: 'profile.error.date' },
  zone: { key: 'profile.error.zone' },
  language: { key: 'profile.error.language' },
}

export const profileRoutes = [
  route({
    method: 'GET',
    path: '/account/profile',
    auth: 'browser',
    errors: 'page',
    summary: "One's own profile",
    handler: signedIn('/account/profile', show),
  }),
  route({
    method: 'POST',
    path: '/account/profile',
    auth: 'browser',
    errors: 'page',
    accepts: 'form',
    summary: "Change one's own profile",
    handler: ownForm('/account/profile', save),
  }),
]
