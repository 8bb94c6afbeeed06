export { KubeletError, type KubeletErrorCode } from './kubelet-error.ts'
