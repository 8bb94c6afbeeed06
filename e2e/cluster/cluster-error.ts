import { CodedError } from '@alcove/bytes'

export type ClusterErrorCode =
  | 'ERR_CLUSTER_COMMAND'
  | 'ERR_CLUSTER_MACHINE'
  | 'ERR_CLUSTER_NAME'
  | 'ERR_CLUSTER_NOT_UP'
  | 'ERR_CLUSTER_STATE'
  | 'ERR_CLUSTER_TIMEOUT'

/** The cluster cannot be brought up, reached or taken down; the message says why and what to do. */
export class ClusterError extends CodedError<ClusterErrorCode> {}
