import { join } from 'node:path'
import { type ClusterLayout, nodeDirectory } from './layout.ts'
import { inMachine } from './machine.ts'

/** Where containerd listens inside a node. */
export const CONTAINERD = '/run/containerd/containerd.sock'

/** `ctr` with the arguments that import an OCI archive for the kubelet. */
export function importCommand(ctr: string, archive: string): readonly [string, readonly string[]] {
  const images = ['--namespace', 'k8s.io', 'images', 'import', '--local', archive]
  return [ctr, ['--address', CONTAINERD, ...images]]
}

/** Gives an image to a node that is up. */
export async function importImage(
  layout: ClusterLayout,
  node: string,
  { runtimeBin, archive }: { readonly runtimeBin: string; readonly archive: string },
): Promise<void> {
  const [program, args] = importCommand(join(runtimeBin, 'ctr'), archive)
  await inMachine(nodeDirectory(layout, node), program, args)
}
