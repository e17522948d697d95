/**
 * Owns the reading of a User-Agent: which browser, which system, what kind of machine, as far as the words are known. What
 * was sent is never repeated, only names from a list. Pure.
 */
import Bowser from 'bowser'
import type { Message } from '../pages/messages.ts'

/** Names for people and for comparing; undefined where nothing was recognised. */
export type UserAgent = { browser: string | undefined; system: string | undefined; kind: DeviceKind | undefined }
export type DeviceKind = 'desktop' | 'mobile' | 'tablet' | 'tv' | 'bot'

/** A browser sends at most some 200 characters; whatever stands behind these says nothing more. */
const longest = 500
const kinds: readonly DeviceKind[] = ['desktop', 'mobile', 'tablet', 'tv', 'bot']
const browsers = new Set(Object.values(Bowser.BROWSER_MAP))
const systems = new Set(Object.values(Bowser.OS_MAP))
/** Where the list of names is not what people call it. */
const calledByPeople: Record<string, string> = {
  'Microsoft Edge': 'Edge',
  'Chrome OS': 'ChromeOS',
  'Samsung Internet for Android': 'Samsung Internet',
}

/** The text as it is stored and compared: bounded, without control characters; null where none was sent. */
export const plainUserAgent = (user_agent: string | undefined): string | null =>
  user_agent?.slice(0, longest).replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ') ?? null

/** Reads the text. Versions are left out: a browser that updated itself is the same browser. */
export const readUserAgent = (user_agent: string | null): UserAgent => {
  const text = user_agent?.slice(0, longest) ?? ''
  if (text.startsWith('curl/')) return { browser: 'curl', system: undefined, kind: undefined }
  if (text.trim() === '') return { browser: undefined, system: undefined, kind: undefined }
  const { browser, os, platform } = Bowser.parse(text)
  return {
    browser: named(browser.name, browsers),
    system: named(os.name, systems),
    kind: kinds.find((kind) => kind === platform.type),
  }
}

const named = (name: string | undefined, known: ReadonlySet<string>): string | undefined =>
  name !== undefined && known.has(name) ? (calledByPeople[name] ?? name) : undefined

/** Browser and system by name, as far as they are recognised: the message of "Firefox on Linux". */
export const browserLabel = (user_agent: string | null): Message => {
  const { browser, system } = readUserAgent(user_agent)
  if (browser !== undefined && system !== undefined) return { key: 'browser.on_system', params: { browser, system } }
  if (browser !== undefined) return { key: 'browser.alone', params: { browser } }
  return system === undefined ? { key: 'browser.unknown' } : { key: 'browser.some_on_system', params: { system } }
}
