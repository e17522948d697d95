/** Owns where mails and text messages go by the settings, in words for operators. Pure. */
import { isLoopbackIssuer } from './check.ts'
import type { Config } from './schema.ts'

type Place = Pick<Config, 'profile' | 'issuer'>

/** Whether there is a page that shows what development sends: on the machine of a developer alone. */
export const showsMail = ({ profile, issuer }: Partial<Place>): boolean =>
  profile === 'development' && issuer !== undefined && isLoopbackIssuer(issuer)

/** Where mail goes, in words: no name of a user, no password. */
export const mailWay = (config: Place & Pick<Config, 'smtp_url'>): string => {
  if (config.smtp_url !== undefined) return `through ${new URL(config.smtp_url).host}`
  if (showsMail(config)) return `shown at ${config.issuer}/dev/mail`
  return config.profile === 'development' ? 'kept in memory' : 'none is sent: KEYWRIGHT_SMTP_URL is not set'
}

/** The same for text messages. */
export const smsWay = (config: Place & Pick<Config, 'sms_gateway' | 'sms_url'>): string => {
  const { sms_gateway, sms_url = 'https://api.twilio.com' } = config
  if (sms_gateway !== undefined) return `through ${new URL(sms_url).host}`
  if (showsMail(config)) return `shown at ${config.issuer}/dev/mail`
  return config.profile === 'development' ? 'kept in memory' : 'none is sent: KEYWRIGHT_SMS_GATEWAY is not set'
}
