import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { create } from '@bufbuild/protobuf'
import { Server, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js'
import { type Empty, EmptySchema, type RegisterRequest } from '../gen/device_plugin_pb.ts'
import { reasonOf } from '../kubelet-error.ts'
import { resourceNameFault } from '../resource-name.ts'
import { API_VERSION, bind, KUBELET_SOCKET, registrationService } from '../rpc.ts'
import { absent, checkSocketPath, socketIdentity } from '../socket-file.ts'

/** The Registration service on `kubelet.sock`. */
export interface RegistryServer extends AsyncDisposable {
  readonly path: string
}

/**
 * Deletes every socket in the directory, as the kubelet does at its start, and nothing else; then listens.
 *
 * @param register makes the endpoint's resource known; what it throws is the plugin's answer
 * @throws {KubeletError} `ERR_KUBELET_SOCKET`
 */
export async function serveRegistry(
  directory: string,
  register: (resource: string, endpoint: string, gone: AbortSignal) => Promise<void>,
  onRefused: (resource: string, reason: string) => void,
): Promise<RegistryServer> {
  const path = join(directory, KUBELET_SOCKET)
  // Bound under another name and then renamed: a closing server deletes the path that it was bound to, even if
  // a newer one listens there by then.
  const boundPath = join(directory, `kubelet-${randomBytes(4).toString('hex')}.sock`)
  checkSocketPath(boundPath)
  await mkdir(directory, { recursive: true, mode: 0o750 })
  await removeAllSockets(directory)
  const server = new Server({ 'grpc.enable_channelz': 0 })
  server.addService(registrationService, {
    register: (
      call: ServerUnaryCall<RegisterRequest, Empty>,
      respond: sendUnaryData<Empty>,
    ): void => {
      const { resourceName, endpoint } = call.request
      const fault = faultOf(call.request)
      if (fault !== undefined) {
        onRefused(resourceName, fault.why)
        respond({ code: fault.code, details: fault.details })
        return
      }
      const gone = new AbortController()
      call.once('cancelled', () => gone.abort())
      register(resourceName, endpoint, gone.signal).then(
        () => respond(null, create(EmptySchema)),
        (error: unknown) => {
          const details = reasonOf(error)
          onRefused(resourceName, details)
          respond({ code: status.UNKNOWN, details })
        },
      )
    },
  })
  await bind(server, boundPath)
  await rename(boundPath, path)
  const identity = socketIdentity(path)
  return {
    path,
    async [Symbol.asyncDispose]() {
      server.forceShutdown()
      if (socketIdentity(path) === identity) await unlink(path).catch(absent)
    },
  }
}

async function removeAllSockets(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isSocket()) await unlink(join(directory, entry.name)).catch(absent)
  }
}

interface Fault {
  readonly code: status
  /** What the plugin gets: the kubelet's words where it has any. */
  readonly details: string
  /** What the stand-in's owner gets. */
  readonly why: string
}

function faultOf({ version, endpoint, resourceName }: RegisterRequest): Fault | undefined {
  const refuse = (details: string, why = details): Fault => ({ code: status.UNKNOWN, details, why })
  if (version !== API_VERSION) {
    const asked = JSON.stringify(version)
    return refuse(
      `requested API version ${asked} is not supported by kubelet. Supported version is ["${API_VERSION}"]`,
    )
  }
  const fault = resourceNameFault(resourceName)
  if (fault !== undefined) {
    const invalid = `the ResourceName ${JSON.stringify(resourceName)} is invalid`
    return refuse(invalid, `${invalid}: ${fault}`)
  }
  // The kubelet joins directory and endpoint, and dials whatever that is.
  if (!/^[^/\0]+$/.test(endpoint) || ['.', '..', KUBELET_SOCKET].includes(endpoint)) {
    const details = `endpoint "${endpoint}" is not the plain name of a socket file in this directory`
    return { code: status.INVALID_ARGUMENT, details, why: details }
  }
  return undefined
}
