/** Owns what an erased account leaves in messages to webhooks: that something happened, and to which id (security rule GD-2). */
export { blankMessagesOf as forgetMessages } from './forget-store.ts'
