import { create } from '@bufbuild/protobuf'
import { status } from '@grpc/grpc-js'
import { RegisterRequestSchema } from '../gen/device_plugin_pb.ts'
import { API_VERSION, callUnary, registrationService, unixClient } from '../rpc.ts'

/** The kubelet dials back within Register, for 10 s. */
const TIMEOUT_MS = 15_000

/**
 * Registers the plugin's socket with the kubelet.
 *
 * @throws grpc-js' ServiceError, or `stop`'s reason
 */
export async function registerWith(
  kubeletPath: string,
  { endpoint, resourceName }: { readonly endpoint: string; readonly resourceName: string },
  stop: AbortSignal,
): Promise<void> {
  const client = unixClient(kubeletPath)
  const fields = { version: API_VERSION, endpoint, resourceName, options: {} }
  const signal = AbortSignal.any([stop, AbortSignal.timeout(TIMEOUT_MS)])
  try {
    const request = create(RegisterRequestSchema, fields)
    await callUnary(client, registrationService.register, request, { signal })
  } finally {
    client.close()
  }
}

/** Whether, after this failure, the kubelet may have got the request. */
export function mayHaveArrived(error: unknown): boolean {
  return !(error instanceof Error && 'code' in error && error.code === status.UNAVAILABLE)
}
