/** Owns authenticators of a real browser: virtual ones, over the DevTools protocol (WebAuthn §11). Start reading at `plugIn`. */
import type { CDPSession, Page } from 'playwright-core'

export type Plugged = {
  /** The credentials it keeps. */
  credentials: () => Promise<{ credentialId: string; isResidentCredential: boolean; signCount: number }[]>
  /** Whether somebody is there who says yes to everything. */
  attended: (yes: boolean) => Promise<void>
  unplug: () => Promise<void>
}

export type Kind = {
  /** `internal` is the machine itself, `usb` a key; a key of the older kind keeps nothing and verifies nobody. */
  transport?: 'internal' | 'usb'
  hasResidentKey?: boolean
  hasUserVerification?: boolean
  /** Its passkeys are copied to other devices. */
  synced?: boolean
}

/** Gives the browser of a page an authenticator with a person beside it. */
export const plugIn = async (page: Page, kind: Kind = {}): Promise<Plugged> => {
  const devtools = await sessionOf(page)
  const { transport = 'internal', hasResidentKey = true, hasUserVerification = true, synced = false } = kind
  const { authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport,
      hasResidentKey,
      hasUserVerification,
      isUserVerified: hasUserVerification,
      automaticPresenceSimulation: true,
      defaultBackupEligibility: synced,
      defaultBackupState: synced,
    },
  })
  return {
    credentials: async () => (await devtools.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
    attended: async (enabled) => {
      await devtools.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled })
    },
    unplug: async () => {
      await devtools.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId })
    },
  }
}

const sessions = new WeakMap<Page, Promise<CDPSession>>()

const sessionOf = async (page: Page): Promise<CDPSession> => {
  const open = async (): Promise<CDPSession> => {
    const session = await page.context().newCDPSession(page)
    await session.send('WebAuthn.enable', { enableUI: false })
    return session
  }
  const known = sessions.get(page) ?? open()
  sessions.set(page, known)
  return await known
}
