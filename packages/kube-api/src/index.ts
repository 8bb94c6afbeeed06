export { type ApiServer, inCluster } from './in-cluster.ts'
export { type KubeApi, kubeApi } from './kube-api.ts'
export { KubeApiError, type KubeApiErrorCode } from './kube-api-error.ts'
