/**
 * Owns two servers on one database, and starting many requests at once over both. Start reading at `openCluster`.
 */
import { type Oauth, oauthOf } from './oauth.ts'
import { type ServerOptions, startCluster } from './server.ts'

export type Cluster = {
  nodes: [Oauth, Oauth]
  /** Starts `count` requests at the same moment, in turn at either node. */
  race: <T>(count: number, request: (node: Oauth, index: number) => Promise<T>) => Promise<T[]>
}

/** Starts two servers on the test file's database; they are stopped after it. */
export const openCluster = async (options: ServerOptions = {}): Promise<Cluster> => {
  const [first, second] = await startCluster(2, options)
  if (first === undefined || second === undefined) throw new Error('a cluster of two has two nodes')
  const nodes: [Oauth, Oauth] = [await oauthOf(first), await oauthOf(second)]
  return {
    nodes,
    race: async (count, request) =>
      await Promise.all(Array.from({ length: count }, (_, index) => request(nodes[index % 2] ?? nodes[0], index))),
  }
}
