/** Owns what a stopping node does with its own row. */
export { removeNode } from './revocation-store.ts'
