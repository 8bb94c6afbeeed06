import { CodedError } from '@alcove/bytes'

export type SimulatorErrorCode =
  | 'ERR_SIMULATOR_ANSWER'
  | 'ERR_SIMULATOR_BUSY'
  | 'ERR_SIMULATOR_INTERNAL'
  | 'ERR_SIMULATOR_KEY_ATTRIBUTE'
  | 'ERR_SIMULATOR_KEY_CONFIGSVN'
  | 'ERR_SIMULATOR_KEY_CPUSVN'
  | 'ERR_SIMULATOR_KEY_ISVSVN'
  | 'ERR_SIMULATOR_KEY_NAME'
  | 'ERR_SIMULATOR_KEY_POLICY'
  | 'ERR_SIMULATOR_MANIFEST'
  | 'ERR_SIMULATOR_NOT_PERMITTED'
  | 'ERR_SIMULATOR_OPERAND'
  | 'ERR_SIMULATOR_ORDER'
  | 'ERR_SIMULATOR_OUT_OF_EPC'
  | 'ERR_SIMULATOR_REPORT'
  | 'ERR_SIMULATOR_REQUEST'
  | 'ERR_SIMULATOR_SOCKET'
  | 'ERR_SIMULATOR_STATE'
  | 'ERR_SIMULATOR_TIMEOUT'
  | 'ERR_SIMULATOR_UNREACHABLE'

/** What a refusal for want of EPC counted, in bytes. */
export interface EpcShortage {
  readonly askedBytes: number
  readonly freeBytes: number
  readonly totalBytes: number
}

interface SimulatorErrorOptions extends ErrorOptions {
  readonly epc?: EpcShortage
}

/** The simulated platform refused something, or could not be reached. */
export class SimulatorError extends CodedError<SimulatorErrorCode> {
  /** The AESM error that a quote helper answers its client with: Intel SGX SDK, psw/ae/inc/internal/aesm_error.h. */
  readonly aesmCode: number
  /** Only with `ERR_SIMULATOR_OUT_OF_EPC`. */
  readonly epc?: EpcShortage

  constructor(code: SimulatorErrorCode, message: string, options: SimulatorErrorOptions = {}) {
    super(code, message, options)
    this.aesmCode = aesmCodes[code]
    if (options.epc !== undefined) this.epc = options.epc
  }
}

/** Whether a string that came from outside names one of this package's errors. */
export function isSimulatorErrorCode(code: string): code is SimulatorErrorCode {
  return Object.hasOwn(aesmCodes, code)
}

const unexpected = 1
const parameter = 3
const busy = 18
const outOfEpc = 29
const serviceUnavailable = 30
const invalidReport = 47

const aesmCodes: Readonly<Record<SimulatorErrorCode, number>> = {
  ERR_SIMULATOR_ANSWER: unexpected,
  ERR_SIMULATOR_BUSY: busy,
  ERR_SIMULATOR_INTERNAL: unexpected,
  ERR_SIMULATOR_KEY_ATTRIBUTE: parameter,
  ERR_SIMULATOR_KEY_CONFIGSVN: parameter,
  ERR_SIMULATOR_KEY_CPUSVN: parameter,
  ERR_SIMULATOR_KEY_ISVSVN: parameter,
  ERR_SIMULATOR_KEY_NAME: parameter,
  ERR_SIMULATOR_KEY_POLICY: parameter,
  ERR_SIMULATOR_MANIFEST: parameter,
  ERR_SIMULATOR_NOT_PERMITTED: serviceUnavailable,
  ERR_SIMULATOR_OPERAND: parameter,
  ERR_SIMULATOR_ORDER: unexpected,
  ERR_SIMULATOR_OUT_OF_EPC: outOfEpc,
  ERR_SIMULATOR_REPORT: invalidReport,
  ERR_SIMULATOR_REQUEST: parameter,
  ERR_SIMULATOR_SOCKET: serviceUnavailable,
  ERR_SIMULATOR_STATE: unexpected,
  ERR_SIMULATOR_TIMEOUT: serviceUnavailable,
  ERR_SIMULATOR_UNREACHABLE: serviceUnavailable,
}
