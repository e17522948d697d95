/** Owns what a stopping node does with its own row. It only forwards, because a store is its slice's own (rule 9). */
export { removeNode } from './revocation-store.ts'
