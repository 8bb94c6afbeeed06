import { CodedError } from '@alcove/bytes'

export type NodeErrorCode = 'ERR_NODE_NOT_READY' | 'ERR_NODE_ABSENT' | 'ERR_NODE_NO_ROOM'

/** The embedded node cannot do what was asked of it. */
export class NodeError extends CodedError<NodeErrorCode> {}
