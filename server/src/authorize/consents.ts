/** Owns what other slices may know of consents. */
export { listConsents } from './store.ts'
