/** Owns what other slices may do with authorization codes: the token endpoint redeems them. */
export { burnCode, burnCodesOfClient, type CodeFacts, consumeCode, loadCode, type RedeemedCode } from './code-store.ts'
