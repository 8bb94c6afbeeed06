import { AesmSocketError } from './errors.ts'

/** `sun_path` has 108 bytes, the last of them zero. */
const maxPathBytes = 107

/** @throws {AesmSocketError} `ERR_AESM_SOCKET_PATH_TOO_LONG`: the kernel could not take the path */
export function requireSocketPath(path: string, named: string = path): void {
  const length = new TextEncoder().encode(path).byteLength
  if (length <= maxPathBytes) return
  throw new AesmSocketError(
    'ERR_AESM_SOCKET_PATH_TOO_LONG',
    named,
    `${length} bytes, and the kernel takes at most ${maxPathBytes} for a socket; choose a shorter directory`,
  )
}
