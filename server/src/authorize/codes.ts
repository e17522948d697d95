/**
 * Owns what other slices may do with authorization codes: the token endpoint redeems them. It only forwards, because a store
 * is its slice's own (rule 9) and these statements are operations as they are.
 */
export { burnCode, burnCodesOfClient, type CodeFacts, consumeCode, loadCode, type RedeemedCode } from './code-store.ts'
