/**
 * Owns cookies: names, attributes, and strict reading (security rule CK-1). A malformed or doubled cookie counts as
 * none, never as pass.
 */
import type { Config } from '../config/schema.ts'

export type CookieName = 'session' | 'browser' | 'device' | 'lang' | 'app_lang'
export type SetCookie = { name: CookieName; value: string; maxAgeSeconds?: number }

const valueForm = /^[A-Za-z0-9_.-]{1,200}$/

/** Full name: `__Host-kw_…` over https; plain `kw_…` on an http issuer, where browsers refuse the prefix. */
export const cookieName = (issuer: string, name: CookieName): string =>
  issuer.startsWith('https:') ? `__Host-kw_${name}` : `kw_${name}`

/** Reads one of our cookies out of the header. */
export const readCookie = (header: string | undefined, issuer: string, name: CookieName): string | undefined => {
  if (header === undefined) return undefined
  const full = `${cookieName(issuer, name)}=`
  const found = header.split(/; */).filter((pair) => pair.startsWith(full))
  const value = found.length === 1 ? found[0]?.slice(full.length) : undefined
  return value !== undefined && valueForm.test(value) ? value : undefined
}

/** Writes a Set-Cookie value: HttpOnly, SameSite=Lax, Path=/, no Domain, Secure over https. An empty value removes it. */
export const writeCookie = (config: Pick<Config, 'issuer'>, cookie: SetCookie): string => {
  const parts = [`${cookieName(config.issuer, cookie.name)}=${cookie.value}`, 'Path=/', 'HttpOnly', 'SameSite=Lax']
  if (config.issuer.startsWith('https:')) parts.push('Secure')
  const maxAge = cookie.value === '' ? 0 : cookie.maxAgeSeconds
  if (maxAge !== undefined) parts.push(`Max-Age=${maxAge}`)
  return parts.join('; ')
}
