/** Owns what other slices may do with authorization codes: the token endpoint redeems them. */
export { burnCode, type CodeFacts, type CodeWithPerson, consumeCode, loadCode } from './store.ts'
