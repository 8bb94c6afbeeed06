export { type FollowOptions, followCollection } from './follow.ts'
export { type ApiServer, inCluster } from './in-cluster.ts'
export {
  type DeletingKubeApi,
  type KubeApi,
  type KubeApiOptions,
  kubeApi,
  type StrategicKubeApi,
} from './kube-api.ts'
export { KubeApiError, type KubeApiErrorCode } from './kube-api-error.ts'
export { type Collection, type ListOptions, listCollection } from './list.ts'
export { type NodeEvent, recordNodeEvent } from './node-event.ts'
export { parseQuantity } from './quantity.ts'
export type { WatchEvent } from './watch-stream.ts'
