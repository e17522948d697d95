/** Owns the OpenAPI document as a file: what a server at https://issuer.example answers. Never edited by hand. */
import { routesFor } from '../server/src/app.ts'
import { openApiOf } from '../server/src/http/openapi.ts'
import { version } from '../server/src/version.ts'

/** Its text. */
export const renderOpenApi = async (): Promise<string> => {
  const document = openApiOf(routesFor({ compat_paths: false }), { issuer: 'https://issuer.example', version })
  return await Promise.resolve(`${JSON.stringify(document, undefined, 2)}\n`)
}
