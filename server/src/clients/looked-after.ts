/** Owns the question which applications somebody looks after, for slices whose objects belong to applications. */
export { idsLookedAfter } from './looked-after-store.ts'
