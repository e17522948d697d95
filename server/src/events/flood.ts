/**
 * Owns how much of the trail somebody without credentials can fill: refusals that change nothing are written one by one up to
 * ten a minute for each client and address; what is beyond is counted, and told by one event a minute. What has an effect
 * never comes here. Start reading at `createFlood`.
 */
import type { Db } from '../db/connect.ts'
import { networksOf } from '../http/client-ip.ts'
import { type Happening, record } from './record.ts'

/** A refusal that changed nothing. */
type Refusal = Pick<Happening, 'type' | 'now' | 'client_id' | 'ip'>

export type Flood = {
  /** Whether it is to be written by itself. If not, it is counted. */
  isSingle: (refusal: Refusal) => boolean
  /** Writes what was counted in minutes that are over; of `all` minutes, when the process ends. */
  flush: (db: Db, now: Date, all?: boolean) => Promise<void>
}

type Counter = { refusal: Refusal; minute: number; seen: number }

const singles = 10
const minuteMs = 60_000
/** How many addresses are told apart. Those beyond are counted together, without an address. */
const most = 20_000

/** Makes the guard of one node. Where a deployment has no limits at all (`limits`), everything is written. */
export const createFlood = ({ limits }: { limits: boolean }): Flood => {
  const counters = new Map<string, Counter>()
  return {
    isSingle: (refusal) => {
      if (!limits) return true
      const counter = counterOf(counters, refusal)
      counter.seen += 1
      return counter.seen <= singles
    },
    flush: async (db, now, all = false) => {
      const over = [...counters].filter(([, { minute }]) => all || now.getTime() >= minute + minuteMs)
      for (const [key, counter] of over) {
        counters.delete(key)
        if (counter.seen > singles) await record(db, summaryOf(counter, now)).catch(restoring(counters, key, counter))
      }
    },
  }
}

const counterOf = (counters: Map<string, Counter>, refusal: Refusal): Counter => {
  const minute = refusal.now.getTime() - (refusal.now.getTime() % minuteMs)
  const machine = refusal.ip === undefined ? '' : networksOf(refusal.ip).machine
  const exact = `${refusal.type}|${refusal.client_id ?? ''}|${minute}|${machine}`
  const key =
    counters.has(exact) || counters.size < most ? exact : `${refusal.type}|${refusal.client_id ?? ''}|${minute}`
  const counter = counters.get(key) ?? {
    refusal: key === exact ? refusal : { ...refusal, ip: undefined },
    minute,
    seen: 0,
  }
  counters.set(key, counter)
  return counter
}

const summaryOf = ({ refusal, minute, seen }: Counter, now: Date): Happening => ({
  ...refusal,
  now,
  data: { summary: true, count: seen - singles, since: new Date(minute).toISOString() },
})

/** A database that is away for a while costs no count. */
const restoring = (counters: Map<string, Counter>, key: string, counter: Counter) => (error: unknown) => {
  counters.set(key, counter)
  throw error
}
