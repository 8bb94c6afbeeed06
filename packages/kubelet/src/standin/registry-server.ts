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
  register: (resource: string, endpoint: string) => Promise<void>,
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
      { request }: ServerUnaryCall<RegisterRequest, Empty>,
      respond: sendUnaryData<Empty>,
    ): void => {
      const refuse = (code: status, details: string): void => {
        onRefused(request.resourceName, details)
        respond({ code, details })
      }
      const fault = faultOf(request)
      if (fault !== undefined) refuse(status.INVALID_ARGUMENT, fault)
      else {
        register(request.resourceName, request.endpoint).then(
          () => respond(null, create(EmptySchema)),
          (error: unknown) => {
            refuse(
              status.UNAVAILABLE,
              `cannot reach the plugin at ${request.endpoint}: ${reasonOf(error)}`,
            )
          },
        )
      }
    },
  })
  await bind(server, boundPath)
  await rename(boundPath, path)
  const identity = await socketIdentity(path)
  return {
    path,
    async [Symbol.asyncDispose]() {
      server.forceShutdown()
      if ((await socketIdentity(path)) === identity) await unlink(path).catch(absent)
    },
  }
}

async function removeAllSockets(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (entry.isSocket()) await unlink(join(directory, entry.name)).catch(absent)
  }
}

function faultOf({ version, endpoint, resourceName }: RegisterRequest): string | undefined {
  if (version !== API_VERSION) return `version "${version}": want "${API_VERSION}"`
  if (!/^[^/\0]+$/.test(endpoint) || ['.', '..', KUBELET_SOCKET].includes(endpoint)) {
    return `endpoint "${endpoint}" is not the plain name of a socket file in this directory`
  }
  const fault = resourceNameFault(resourceName)
  return fault && `resource name "${resourceName}": ${fault}`
}
