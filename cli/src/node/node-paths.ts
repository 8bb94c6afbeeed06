import { join } from 'node:path'

/** Where the parts of an embedded node meet, all below one directory. */
export interface NodePaths {
  readonly base: string
  /** The simulated node's root. */
  readonly root: string
  readonly platformSocket: string
  readonly kubeletDirectory: string
  /** The stand-in kubelet's socket for people's tools. */
  readonly controlSocket: string
  readonly programs: string
  readonly aesmSocket: string
  readonly logs: string
}

export function nodePaths(base: string): NodePaths {
  const root = join(base, 'node')
  return {
    base,
    root,
    platformSocket: join(root, 'run/alcove-simulator/platform.socket'),
    kubeletDirectory: join(base, 'kubelet'),
    controlSocket: join(base, 'control.socket'),
    programs: join(base, 'programs'),
    aesmSocket: join(base, 'aesmd/aesm.socket'),
    logs: join(base, 'logs'),
  }
}
