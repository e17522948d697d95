/** Owns the question whether anybody administers this deployment. */
export { roleIsHeld } from './store.ts'
