/** Owns addresses of this server as browsers see them: below the path of the issuer, when it has one. */
import type { Ctx } from '../ctx.ts'

/** A path of ours for links and form actions. */
export const pathOf = ({ edge }: Pick<Ctx, 'edge'>, path: `/${string}`): string => edge.base + path
