import type { FileAccess } from '@alcove/host'

/**
 * The group that a container must be in to open a device, or `undefined` where all may open it, or no group helps. Root's
 * group never counts: no container is put into it.
 */
export function deviceGroup({ gid, mode }: FileAccess): number | undefined {
  const openToAll = (mode & 0o006) === 0o006
  const openToGroup = (mode & 0o060) === 0o060
  return openToGroup && !openToAll && gid !== 0 ? gid : undefined
}
