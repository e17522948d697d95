/** Owns what a body may say about an application. What values mean is decided by registration.ts, for every surface alike. */
import { z } from 'zod'
import { ruleSchema } from './application-view.ts'
import { clientTypes, type Metadata } from './metadata.ts'

const text = z.string().max(2000)
const list = z.array(text).max(200)
const seconds = z.int().min(0).nullable()

const members = {
  description: text.nullable(),
  redirect_uris: list,
  post_logout_redirect_uris: list,
  allowed_origins: list,
  grant_types: z.array(z.string().max(200)).max(20),
  token_endpoint_auth_method: z.string().max(100),
  require_pkce: z.boolean(),
  scope: z.string().max(10_000),
  resources: list,
  audiences: list,
  first_party: z.boolean(),
  consent: z.enum(['remember', 'always']),
  default_max_age: seconds,
  default_acr_values: z.array(z.string().max(100)).max(10),
  access_token_format: z.enum(['jwt', 'opaque']).nullable(),
  access_token_ttl_seconds: seconds,
  id_token_ttl_seconds: seconds,
  refresh_idle_seconds: seconds,
  refresh_ttl_seconds: seconds,
  refresh_grace_seconds: seconds,
  id_token_signed_response_alg: z.string().max(20),
  access_token_signed_response_alg: z.string().max(20),
  service_account_id: z.string().max(255).nullable(),
  claim_mapping: z.array(ruleSchema).max(50),
  contacts: z.array(z.string().max(320)).max(20),
  client_uri: text.nullable(),
  logo_uri: text.nullable(),
  policy_uri: text.nullable(),
  tos_uri: text.nullable(),
  managed_name: z.string().min(1).max(100).nullable(),
}

const names = {
  client_name: z
    .string()
    .max(400)
    .meta({ examples: ['Nightly reports'] }),
  type: z.enum(clientTypes).meta({ examples: ['machine'] }),
}

/** A whole description: what is left out gets the default of the type. */
export const wholeBody = z.strictObject({ ...names, ...z.object(members).partial().shape })
/** Some of it: null takes a value back, what is left out stays. */
export const partBody = z.strictObject(z.object({ ...names, ...members }).partial().shape)

export type WholeBody = z.infer<typeof wholeBody>
export type PartBody = z.infer<typeof partBody>

/** The body as metadata; null is "nothing said". */
export const wholeOf = ({ client_name, type, ...rest }: WholeBody): Metadata => ({
  client_name,
  type,
  ...partOf(rest),
})

/** Named members only, so that the others keep what they have. */
export const partOf = (body: PartBody): Partial<Metadata> =>
  Object.fromEntries(Object.entries(body).map(([name, value]) => [name, value ?? undefined]))
