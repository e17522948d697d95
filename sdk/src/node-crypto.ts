/** Owns the way to `node:crypto` where there is one: synchronous verification costs a third of what WebCrypto does there. */

type NodeCrypto = typeof import('node:crypto')
type Host = { getBuiltinModule?: (name: string) => unknown }

/** The module, or undefined in a runtime without it. Asked for by name, so that no bundler goes looking for it. */
export const nodeCrypto = (): NodeCrypto | undefined => {
  const host = (globalThis as { process?: Host }).process
  return host?.getBuiltinModule?.('node:crypto') as NodeCrypto | undefined
}
