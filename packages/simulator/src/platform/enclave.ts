import {
  AttributeFlag,
  type Attributes,
  EnclaveMeasurement,
  encodeTargetInfo,
  type KeyRequest,
  SecinfoFlag,
  type TargetInfo,
} from '@alcove/sgx'
import { SimulatorError } from '../simulator-error.ts'
import { type EpcAccount, epcPageBytes } from './epc.ts'
import { type Cpu, type EnclaveIdentity, egetkey, ereport } from './keys.ts'

/** What ECREATE fixes for an enclave's life. */
export interface EnclaveCreation {
  /** Of the enclave's address range, in bytes: a power of two, at least two pages. */
  readonly sizeBytes: number
  /** In pages, per thread. */
  readonly ssaFrameSize: number
  readonly debug: boolean
  /** Only quoting enclaves have this. */
  readonly provisionKey?: boolean
  /** Key separation and sharing: what the enclave is configured with, 64 bytes and a version, for its REPORTs and keys. */
  readonly kss?: { readonly configId: Uint8Array; readonly configSvn: number } | undefined
}

/** What EINIT takes from a SIGSTRUCT, on this platform taken as said: no signature is checked. */
export interface EnclaveSignature {
  readonly mrSigner: Uint8Array
  readonly isvProdId: number
  readonly isvSvn: number
  /** 16 bytes each; only for an enclave that was created with KSS. */
  readonly kss?: { readonly familyId: Uint8Array; readonly extProdId: Uint8Array } | undefined
}

/** Largest address range of an enclave, in bytes: 64 GiB. */
export const maxEnclaveBytes: number = 2 ** 36

const chunkBytes = 256
/** x87 and SSE state: what every enclave has. */
const legacyXfrm = 3n

/**
 * An enclave's life on the simulated CPU: ECREATE, EADD (with EEXTEND), EINIT, EREPORT, and its pages given back.
 * Nothing runs in it and nothing is kept of its contents but MRENCLAVE.
 */
export class Enclave {
  readonly #cpu: Cpu
  readonly #epc: EpcAccount
  readonly #sizeBytes: number
  readonly #attributes: Attributes
  readonly #config: { readonly configId: Uint8Array; readonly configSvn: number }
  readonly #measurement = new EnclaveMeasurement()
  #pages = 0
  /** Where the next page may be added at the earliest. */
  #nextOffset = 0
  #state: 'created' | 'initialised' | 'destroyed' = 'created'
  #identity: EnclaveIdentity | undefined

  /**
   * ECREATE: the SECS takes one page.
   *
   * @throws {SimulatorError} `ERR_SIMULATOR_OPERAND`, `ERR_SIMULATOR_OUT_OF_EPC`
   */
  constructor(cpu: Cpu, epc: EpcAccount, creation: EnclaveCreation) {
    const { sizeBytes, ssaFrameSize, debug, provisionKey = false, kss } = creation
    if (!isEnclaveSize(sizeBytes)) {
      const range = `a power of two from ${2 * epcPageBytes} to ${maxEnclaveBytes}`
      throw operand(`ECREATE: size ${sizeBytes} is not ${range}`)
    }
    this.#cpu = cpu
    this.#epc = epc
    this.#sizeBytes = sizeBytes
    this.#attributes = {
      flags:
        AttributeFlag.mode64 |
        (debug ? AttributeFlag.debug : 0n) |
        (provisionKey ? AttributeFlag.provisionKey : 0n) |
        (kss === undefined ? 0n : AttributeFlag.kss),
      xfrm: legacyXfrm,
    }
    this.#config = kss ?? { configId: new Uint8Array(64), configSvn: 0 }
    this.#measurement.ecreate(ssaFrameSize, BigInt(sizeBytes))
    this.#take(1)
  }

  /** EPC pages that the enclave holds, its SECS included. */
  get pages(): number {
    return this.#pages
  }

  /**
   * EADD of one page, and EEXTEND of each of its 16 chunks. Offsets rise from page to page.
   *
   * @param secinfoFlags permissions and page type
   * @throws {SimulatorError} `ERR_SIMULATOR_ORDER`, `ERR_SIMULATOR_OPERAND`, `ERR_SIMULATOR_OUT_OF_EPC`
   */
  addMeasured(offset: number, secinfoFlags: bigint, content: Uint8Array): void {
    if (content.byteLength !== epcPageBytes) {
      throw operand(`EADD: a page has ${epcPageBytes} bytes, not ${content.byteLength}`)
    }
    this.#add(offset, secinfoFlags, 1)
    for (let start = 0; start < epcPageBytes; start += chunkBytes) {
      const chunk = content.subarray(start, start + chunkBytes)
      this.#measurement.eextend(BigInt(offset + start), chunk)
    }
  }

  /**
   * EADD of `count` pages in a row, all or none: that they are there enters MRENCLAVE, what they hold does not.
   *
   * @throws {SimulatorError} as `addMeasured`
   */
  addUnmeasured(offset: number, secinfoFlags: bigint, count: number): void {
    this.#add(offset, secinfoFlags, count)
  }

  /**
   * EINIT: from now on the enclave has an identity, and no page can be added.
   *
   * @throws {SimulatorError} `ERR_SIMULATOR_ORDER`; `ERR_SIMULATOR_OPERAND` for KSS fields where ECREATE had none
   */
  init({ mrSigner, isvProdId, isvSvn, kss }: EnclaveSignature): EnclaveIdentity {
    this.#expect('created', 'EINIT')
    if (kss !== undefined && (this.#attributes.flags & AttributeFlag.kss) === 0n) {
      throw operand(
        'EINIT: ISVFAMILYID and ISVEXTPRODID are for an enclave that was created with KSS',
      )
    }
    this.#identity = {
      mrEnclave: this.#measurement.mrEnclave(),
      mrSigner,
      isvProdId,
      isvSvn,
      attributes: {
        flags: this.#attributes.flags | AttributeFlag.init,
        xfrm: this.#attributes.xfrm,
      },
      miscSelect: 0,
      configId: this.#config.configId,
      configSvn: this.#config.configSvn,
      isvExtProdId: kss?.extProdId ?? new Uint8Array(16),
      isvFamilyId: kss?.familyId ?? new Uint8Array(16),
    }
    this.#state = 'initialised'
    return this.#identity
  }

  /** @throws {SimulatorError} `ERR_SIMULATOR_ORDER` before EINIT and after destruction */
  get identity(): EnclaveIdentity {
    return this.#initialised('identity')
  }

  /** 512 bytes: what another enclave needs to make a REPORT that this one can check. */
  targetInfo(): Uint8Array {
    return encodeTargetInfo(this.#initialised('TARGETINFO'))
  }

  /**
   * EREPORT.
   *
   * @param reportData 64 bytes that the enclave says
   * @returns a REPORT, 432 bytes
   * @throws {SimulatorError} `ERR_SIMULATOR_ORDER`
   */
  report(target: TargetInfo, reportData: Uint8Array): Uint8Array {
    return ereport(this.#cpu, this.#initialised('EREPORT'), target, reportData)
  }

  /**
   * EGETKEY, which only the enclave itself may execute.
   *
   * @throws {SimulatorError} `ERR_SIMULATOR_ORDER`, `ERR_SIMULATOR_KEY_*`
   */
  getKey(request: KeyRequest): Uint8Array {
    return egetkey(this.#cpu, this.#initialised('EGETKEY'), request)
  }

  /** Gives every page back; the second time nothing. */
  destroy(): void {
    this.#epc.give(this.#pages)
    this.#pages = 0
    this.#state = 'destroyed'
  }

  #add(offset: number, secinfoFlags: bigint, count: number): void {
    this.#expect('created', 'EADD')
    const end = offset + count * epcPageBytes
    if (!isPageType(secinfoFlags)) {
      throw operand(`EADD: SECINFO flags 0x${secinfoFlags.toString(16)} are of no page to be added`)
    }
    if (!Number.isInteger(count) || count < 1 || offset % epcPageBytes !== 0) {
      throw operand(`EADD: ${count} pages at ${offset} are not whole pages at a page's boundary`)
    }
    if (offset < this.#nextOffset || end > this.#sizeBytes) {
      const room = `${this.#nextOffset} to ${this.#sizeBytes}`
      throw operand(`EADD: pages from ${offset} to ${end} are outside what is left, ${room}`)
    }
    this.#take(count)
    this.#nextOffset = end
    for (let page = offset; page < end; page += epcPageBytes) {
      this.#measurement.eadd(BigInt(page), secinfoFlags)
    }
  }

  #take(pages: number): void {
    this.#epc.take(pages)
    this.#pages += pages
  }

  #initialised(what: string): EnclaveIdentity {
    this.#expect('initialised', what)
    if (this.#identity === undefined) throw new TypeError('an initialised enclave has an identity')
    return this.#identity
  }

  #expect(state: 'created' | 'initialised', what: string): void {
    if (this.#state === state) return
    const message = `${what}: the enclave is ${this.#state}, and has to be ${state}`
    throw new SimulatorError('ERR_SIMULATOR_ORDER', message)
  }
}

function isEnclaveSize(bytes: number): boolean {
  return bytes >= 2 * epcPageBytes && bytes <= maxEnclaveBytes && Number.isInteger(Math.log2(bytes))
}

/** A regular page or a TCS, readable, writable, executable or not; a SECS comes from ECREATE alone. */
function isPageType(secinfoFlags: bigint): boolean {
  const { read, write, execute, tcs, regular } = SecinfoFlag
  const type = secinfoFlags & ~(read | write | execute)
  return type === tcs || type === regular
}

function operand(message: string): SimulatorError {
  return new SimulatorError('ERR_SIMULATOR_OPERAND', message)
}
