import { once } from 'node:events'
import { lstat, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { SimulatorError } from '../simulator-error.ts'

/** Most bytes of a unix socket's path on Linux: `sun_path` holds 108, one of them a zero. */
const maxPathBytes = 107

/**
 * Makes sure that a socket can be bound at `path`: what a process that died left there is removed, a live one is not.
 *
 * @throws {SimulatorError} `ERR_SIMULATOR_SOCKET`
 */
export async function freeSocketPath(path: string): Promise<void> {
  const bytes = new TextEncoder().encode(path).byteLength
  if (bytes > maxPathBytes) {
    const message = `socket path of ${bytes} bytes, over the ${maxPathBytes} that the kernel takes: use a shorter directory: ${path}`
    throw new SimulatorError('ERR_SIMULATOR_SOCKET', message)
  }
  const isSocket = await lstat(path).then(
    found => found.isSocket(),
    () => undefined, // nothing there; whatever else is wrong with the path, bind says
  )
  if (isSocket === undefined) return
  if (!isSocket) {
    const message = `${path} is there and is no socket: remove it, or use another path`
    throw new SimulatorError('ERR_SIMULATOR_SOCKET', message)
  }
  if (await isServed(path)) {
    const message = `another platform is served on ${path}: stop it, or use another path`
    throw new SimulatorError('ERR_SIMULATOR_SOCKET', message)
  }
  await rm(path, { force: true })
}

async function isServed(path: string): Promise<boolean> {
  const socket = connect(path)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
