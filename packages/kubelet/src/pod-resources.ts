import { create } from '@bufbuild/protobuf'
import { ListPodResourcesRequestSchema, PodResourcesLister } from './gen/pod_resources_pb.ts'
import { KubeletError, reasonOf } from './kubelet-error.ts'
import { callUnary, method, unixClient } from './rpc.ts'

/** Devices of one resource that a container holds, by the kubelet's own account. */
export interface HeldByContainer {
  readonly namespace: string
  readonly pod: string
  readonly container: string
  readonly resource: string
  readonly count: number
}

/** The socket in the kubelet's `pod-resources` directory. */
export const POD_RESOURCES_SOCKET = '/var/lib/kubelet/pod-resources/kubelet.sock'

/** One node's answer: each device id of each container; 65,536 devices are some 0.5 MB. */
const MAX_BYTES = 16 * 2 ** 20
const TIMEOUT_MS = 5_000

const list = method(PodResourcesLister.method.list)

/**
 * Asks the kubelet which containers hold devices of which resources.
 *
 * @throws {KubeletError} `ERR_KUBELET_POD_RESOURCES`
 * @see https://kubernetes.io/docs/concepts/extend-kubernetes/compute-storage-net/device-plugins/#monitoring-device-plugin-resources
 */
export async function listPodResources(
  socket: string = POD_RESOURCES_SOCKET,
): Promise<readonly HeldByContainer[]> {
  const client = unixClient(socket, { 'grpc.max_receive_message_length': MAX_BYTES })
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const answer = await callUnary(client, list, create(ListPodResourcesRequestSchema), { signal })
    return answer.podResources.flatMap(({ namespace, name: pod, containers }) =>
      containers.flatMap(({ name: container, devices }) =>
        devices.map(({ resourceName: resource, deviceIds }) => ({
          namespace,
          pod,
          container,
          resource,
          count: deviceIds.length,
        })),
      ),
    )
  } catch (cause) {
    const detail = `${socket}: ${reasonOf(cause)}`
    throw new KubeletError('ERR_KUBELET_POD_RESOURCES', detail, { cause })
  } finally {
    client.close()
  }
}
