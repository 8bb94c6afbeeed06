import { open, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** What came of opening the device node of a role. Paths are the container's own: `/dev/sgx_enclave`. */
export type DeviceOpening =
  /** There is none under any of its paths. */
  | { readonly found: 'nothing' }
  /** One is there and was opened read-write, as a program on silicon opens it. */
  | { readonly found: 'device'; readonly path: string }
  /** One is there, and the kernel does not let this process open it: `EPERM` is the device cgroup's refusal. */
  | { readonly found: 'refused'; readonly path: string; readonly errno: string }
  /** An embedded node's stand-in: a plain file that holds the platform's token. */
  | { readonly found: 'token'; readonly path: string; readonly token: string }

/** Both generations' paths, the newest first: where Allocate puts a device node. */
const devicePaths = {
  enclave: ['/dev/sgx_enclave', '/dev/sgx/enclave'],
  provision: ['/dev/sgx_provision', '/dev/sgx/provision'],
} as const

/** As messages name them: `/dev/sgx_enclave nor /dev/sgx/enclave`. */
export function deviceNames(role: keyof typeof devicePaths): string {
  return devicePaths[role].join(' nor ')
}

/**
 * Opens the device node that this container was given for a role, under the first of its paths that opens, and closes it
 * again: the simulated platform is behind a socket, and what counts is that the kernel let it be opened.
 *
 * @param root where the container's paths start
 */
export async function openDeviceNode(
  root: string,
  role: keyof typeof devicePaths,
): Promise<DeviceOpening> {
  let refusal: DeviceOpening = { found: 'nothing' }
  for (const path of devicePaths[role]) {
    const opening = await openOne(root, path)
    if (opening.found === 'device' || opening.found === 'token') return opening
    if (refusal.found === 'nothing') refusal = opening
  }
  return refusal
}

async function openOne(root: string, path: string): Promise<DeviceOpening> {
  const file = join(root, path)
  try {
    if ((await stat(file)).isFile()) {
      return { found: 'token', path, token: await readFile(file, 'utf8') }
    }
    await using _handle = await open(file, 'r+')
    return { found: 'device', path }
  } catch (cause) {
    const errno = systemCode(cause)
    if (errno === undefined) throw cause
    if (errno === 'ENOENT' || errno === 'ENOTDIR') return { found: 'nothing' }
    return { found: 'refused', path, errno }
  }
}

function systemCode(cause: unknown): string | undefined {
  return cause instanceof Error && 'code' in cause && 'syscall' in cause
    ? String(cause.code)
    : undefined
}
