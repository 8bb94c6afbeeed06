import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CDI_FILE, type DeviceGroups, encodeCdiSpec, parseCdiSpec } from './cdi-spec.ts'

/**
 * Has the CDI spec say these groups, and still name what it named before: the kubelet answers a container's restart with the
 * Allocate answer that it kept, and a container that names a CDI device which is not there does not start. So nothing is
 * ever taken out, and the file is never removed; a device that has become open to all keeps the group that it had.
 *
 * @returns whether the file had to be written
 * @throws {Error} of the system, where it cannot be read or written
 */
export async function keepCdiFile(directory: string, groups: DeviceGroups): Promise<boolean> {
  const path = join(directory, CDI_FILE)
  const found = await readIfThere(path)
  const former = found === undefined ? undefined : parseCdiSpec(found)
  const text = encodeCdiSpec({ ...former, ...groups })
  if (found !== undefined && Buffer.from(found).toString() === text) return false
  await mkdir(directory, { recursive: true })
  // The runtime watches the directory, and reads what ends in .json or .yaml: it never sees half a file.
  const unfinished = join(directory, `.${CDI_FILE}.unfinished`)
  await writeFile(unfinished, text, { mode: 0o644 })
  await rename(unfinished, path)
  return true
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path)
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined
    throw cause
  }
}
