/** Owns the blanking of messages about somebody (table webhook_deliveries). */
import type { Query } from '../db/connect.ts'

/** Takes places, browsers and details out of messages about a person, and places and browsers out of those about what they did. */
export const blankMessagesOf = async (tx: Query, user_id: string): Promise<void> => {
  await tx`
    update webhook_deliveries set payload = jsonb_set(payload #- '{data,ip}' #- '{data,user_agent}', '{data,details}', '{}')
    where payload #>> '{data,user_id}' is not null and payload #>> '{data,user_id}' = ${user_id}`
  await tx`
    update webhook_deliveries set payload = payload #- '{data,ip}' #- '{data,user_agent}'
    where payload #>> '{data,actor_id}' is not null and payload #>> '{data,actor_id}' = ${user_id}`
}
