import { CodedError } from '@alcove/bytes'

export const kubeletErrorCodes = [
  'ERR_KUBELET_PLUGIN',
  'ERR_KUBELET_LIST_TOO_LARGE',
  'ERR_KUBELET_SOCKET',
  'ERR_KUBELET_INSUFFICIENT',
  'ERR_KUBELET_UNEXPECTED_ADMISSION',
  'ERR_KUBELET_UNKNOWN_DEVICE',
  'ERR_KUBELET_ALLOCATE',
  'ERR_KUBELET_ALLOCATION',
  'ERR_KUBELET_PRE_START',
  'ERR_KUBELET_CHECKPOINT',
  'ERR_KUBELET_PROGRAM',
  'ERR_KUBELET_CONTROL',
  'ERR_KUBELET_POD_RESOURCES',
  'ERR_KUBELET_ABSENT',
] as const

export type KubeletErrorCode = (typeof kubeletErrorCodes)[number]

/** What a device plugin, the stand-in kubelet or its control socket could not do. */
export class KubeletError extends CodedError<KubeletErrorCode> {
  /** An Allocate call asks for a device that is not in the list. */
  static unknownDevice(resource: string, id: string): KubeletError {
    return new KubeletError('ERR_KUBELET_UNKNOWN_DEVICE', `${resource}: unknown device "${id}"`)
  }
}

/** What any caught value says to a person. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** `ERR_KUBELET_INSUFFICIENT`: the node has too few free devices of a resource. */
export class InsufficientError extends KubeletError {
  readonly resource: string
  readonly asked: number
  readonly free: number
  readonly allocatable: number

  constructor(facts: { resource: string; asked: number; free: number; allocatable: number }) {
    const { resource, asked, free, allocatable } = facts
    const remedy =
      allocatable === 0
        ? 'no device plugin offers it now: is the device plugin running?'
        : asked > allocatable
          ? 'ask for less, or use a node that has more'
          : 'ask for less, or wait until another program ends'
    super(
      'ERR_KUBELET_INSUFFICIENT',
      `Insufficient ${resource}: asked ${asked}, ${free} left of ${allocatable}; ${remedy}`,
    )
    this.resource = resource
    this.asked = asked
    this.free = free
    this.allocatable = allocatable
  }
}

/** `ERR_KUBELET_UNEXPECTED_ADMISSION`: the kubelet rejects what a scheduler that believes in an older node status has sent it. */
export class UnexpectedAdmissionError extends KubeletError {
  readonly resource: string
  /** In the kubelet's words. */
  readonly why: string

  constructor(resource: string, why: string, remedy: string) {
    super(
      'ERR_KUBELET_UNEXPECTED_ADMISSION',
      `UnexpectedAdmissionError: Allocate failed due to ${why}, which is unexpected; ${remedy}`,
    )
    this.resource = resource
    this.why = why
  }
}

/** The `reason` that a pod's status would have for this, or `undefined` if the kubelet rejects no pod for it. */
export function admissionReason(error: unknown): string | undefined {
  if (error instanceof InsufficientError) return `OutOf${error.resource}`
  if (!(error instanceof KubeletError)) return undefined
  return REJECTED.has(error.code) ? 'UnexpectedAdmissionError' : undefined
}

const REJECTED: ReadonlySet<KubeletErrorCode> = new Set([
  'ERR_KUBELET_UNEXPECTED_ADMISSION',
  'ERR_KUBELET_ALLOCATE',
  'ERR_KUBELET_ALLOCATION',
])

/** `ERR_KUBELET_LIST_TOO_LARGE`: the kubelet could not receive the device list, and would show the resource as 0. */
export class ListTooLargeError extends KubeletError {
  readonly resource: string
  readonly devices: number
  /** Of the ListAndWatch message. */
  readonly bytes: number
  readonly limitBytes: number

  constructor(facts: { resource: string; devices: number; bytes: number; limitBytes: number }) {
    const { resource, devices, bytes, limitBytes } = facts
    super(
      'ERR_KUBELET_LIST_TOO_LARGE',
      `${resource}: a list of ${devices} devices is a message of ${bytes} bytes, and the kubelet receives ${limitBytes} at most; ` +
        'let one device stand for more, use shorter ids, or publish the amount as a count of bytes in the node status',
    )
    this.resource = resource
    this.devices = devices
    this.bytes = bytes
    this.limitBytes = limitBytes
  }
}
