import { join } from 'node:path'
import { ClusterError } from './cluster-error.ts'

/** Where everything of one cluster lies, but for its cgroups and network namespaces. */
export interface ClusterLayout {
  readonly name: string
  /** The cluster's directory. */
  readonly state: string
  readonly pki: string
  readonly kubeconfigs: string
  /** The control plane's own: its data and logs. */
  readonly controlPlane: string
  /** Plain HTTP with the administrator's rights, for whoever may enter the state directory. */
  readonly apiSocket: string
  /** A script: kubectl with the administrator's rights, from anywhere on this machine. */
  readonly kubectl: string
  /** A script: helm, where it was wanted, in the same way. */
  readonly helm: string
  /** What is needed to take the cluster down, or to find it: {@link ClusterRecord} as JSON. */
  readonly record: string
}

const NAME = /^[a-z][a-z0-9-]{0,15}$/

/**
 * @param home the directory that all clusters of this machine are in
 * @throws {ClusterError} `ERR_CLUSTER_NAME`
 */
export function clusterLayout(name: string, home: string): ClusterLayout {
  if (!NAME.test(name)) {
    const want = 'want a lower-case letter, then at most 15 of those, digits and hyphens'
    throw new ClusterError('ERR_CLUSTER_NAME', `cluster '${name}': ${want}`)
  }
  const state = join(home, name)
  return {
    name,
    state,
    pki: join(state, 'pki'),
    kubeconfigs: join(state, 'kubeconfigs'),
    controlPlane: join(state, 'control-plane'),
    apiSocket: join(state, 'api.socket'),
    kubectl: join(state, 'kubectl'),
    helm: join(state, 'helm'),
    record: join(state, 'cluster.json'),
  }
}

/** The directory of one node. */
export function nodeDirectory(layout: ClusterLayout, node: string): string {
  return join(layout.state, 'nodes', node)
}

/** Whose kubeconfig: `admin`, `kcm`, `scheduler`, `proxy`, or a node's. */
export function kubeconfigOf(layout: ClusterLayout, name: string): string {
  return join(layout.kubeconfigs, name)
}

/** Name of the network namespace of the control plane, or of a node. */
export function namespaceOf(layout: ClusterLayout, machine: string): string {
  return `${namespacePrefix(layout)}${machine}`
}

export function namespacePrefix({ name }: ClusterLayout): string {
  return `alcove.${name}.`
}

/** The control group that all of a cluster's pods are in, below each controller's root. */
export function cgroupOf({ name }: ClusterLayout): string {
  return `/alcove-${name}`
}

export const CONTROL_PLANE = 'control-plane'
