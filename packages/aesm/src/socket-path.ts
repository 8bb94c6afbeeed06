import { AesmSocketError } from './errors.ts'

/** `sun_path` has 108 bytes, the last of them zero. */
const maxPathBytes = 107

/**
 * @param named the path that the caller knows, if `path` is a name beside it
 * @throws {AesmSocketError} `ERR_AESM_SOCKET_PATH_TOO_LONG`: the kernel could not take the path
 */
export function requireSocketPath(path: string, named: string = path): void {
  const length = new TextEncoder().encode(path).byteLength
  if (length <= maxPathBytes) return
  const what = path === named ? '' : 'a name for it while it is being bound has '
  throw new AesmSocketError(
    'ERR_AESM_SOCKET_PATH_TOO_LONG',
    named,
    `${what}${length} bytes, and the kernel takes at most ${maxPathBytes} for a socket; choose a shorter directory`,
  )
}
