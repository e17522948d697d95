/** Owns addresses of this server as browsers see them: below the path of the issuer, when it has one. */
import type { Config } from '../config/schema.ts'

/** A path of ours for links and form actions. */
export const pathOf = (config: Pick<Config, 'issuer'>, path: `/${string}`): string =>
  new URL(config.issuer).pathname.replace(/\/$/, '') + path
