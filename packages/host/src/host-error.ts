import { CodedError } from '@alcove/bytes'

export type HostErrorCode =
  | 'ERR_HOST_READ'
  | 'ERR_HOST_PATH'
  | 'ERR_HOST_SYSFS'
  | 'ERR_HOST_NOT_SIMULATED'
  | 'ERR_HOST_MARKER'

/** Something on the node cannot be read, or does not say what it should. */
export class HostError extends CodedError<HostErrorCode> {
  /** The file: as the node knows it, or with its root where the root is at fault. */
  readonly path: string
  /** The file is there, but not for this process. */
  readonly forbidden: boolean

  constructor(
    code: HostErrorCode,
    path: string,
    detail: string,
    options?: ErrorOptions & { forbidden?: boolean },
  ) {
    super(code, `${path}: ${detail}`, options)
    this.path = path
    this.forbidden = options?.forbidden ?? false
  }
}
