import { CodedError } from '@alcove/bytes'

export type KubeApiErrorCode =
  | 'ERR_KUBE_CREDENTIALS'
  | 'ERR_KUBE_UNREACHABLE'
  | 'ERR_KUBE_STATUS'
  | 'ERR_KUBE_ANSWER'
  | 'ERR_KUBE_QUANTITY'

/** The API server was not reached, refused, or answered something else than what was asked for. Never holds the token. */
export class KubeApiError extends CodedError<KubeApiErrorCode> {
  /** HTTP status, of `ERR_KUBE_STATUS`. */
  readonly status: number | undefined
  /** Of `ERR_KUBE_ANSWER`: the answer was cut off. Asking for less may help. */
  readonly tooLarge: boolean

  constructor(
    code: KubeApiErrorCode,
    detail: string,
    options?: ErrorOptions & { status?: number; tooLarge?: boolean },
  ) {
    super(code, detail, options)
    this.status = options?.status
    this.tooLarge = options?.tooLarge ?? false
  }
}
