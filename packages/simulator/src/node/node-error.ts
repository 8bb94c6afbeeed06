import { CodedError } from '@alcove/bytes'

export type SimulatedNodeErrorCode = 'ERR_SIMULATOR_SIZE' | 'ERR_SIMULATOR_DIRECTORY'

/** A simulated node's root cannot be written as asked. */
export class SimulatedNodeError extends CodedError<SimulatedNodeErrorCode> {}
