import { mkdir, stat, symlink } from 'node:fs/promises'
import { dirname, join, normalize } from 'node:path/posix'
import type { ContainerAllocation } from '../device-plugin.ts'
import { KubeletError } from '../kubelet-error.ts'

/**
 * Lays out below `directory` what a container with this allocation would see: each device node and each mount is a symlink
 * to its host path. A symlink keeps no promise of `readOnly` or of `permissions`: the program runs as the same user.
 *
 * @throws {KubeletError} `ERR_KUBELET_ALLOCATION` for a container path that is not below the root or collides with another,
 *   and for a host path that does not exist
 */
export async function layOut(directory: string, allocation: ContainerAllocation): Promise<void> {
  const entries = [...allocation.devices, ...allocation.mounts]
  checkContainerPaths(entries.map(({ containerPath }) => containerPath))
  for (const { containerPath, hostPath } of entries) {
    await checkHostPath(hostPath, containerPath)
    const path = join(directory, containerPath)
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await symlink(hostPath, path)
  }
}

function checkContainerPaths(paths: readonly string[]): void {
  const sorted = paths.map(path => `${path}/`).sort()
  for (const [index, path] of sorted.entries()) {
    const plain = path.slice(0, -1)
    if (!/^\/[^\0]*[^/\0]$/.test(plain) || normalize(plain) !== plain) {
      throw refused(`container path "${plain}" is not a plain path below the root`)
    }
    // A path below a symlink would be made on the host.
    const next = sorted[index + 1]
    if (next?.startsWith(path)) {
      throw refused(`container paths "${plain}" and "${next.slice(0, -1)}" collide`)
    }
  }
}

async function checkHostPath(hostPath: string, containerPath: string): Promise<void> {
  if (!hostPath.startsWith('/')) {
    throw refused(`host path "${hostPath}" of ${containerPath} is not absolute`)
  }
  await stat(hostPath).catch((cause: unknown) => {
    throw refused(`host path ${hostPath} of ${containerPath} is not there`, cause)
  })
}

function refused(detail: string, cause?: unknown): KubeletError {
  return new KubeletError('ERR_KUBELET_ALLOCATION', detail, { cause })
}
