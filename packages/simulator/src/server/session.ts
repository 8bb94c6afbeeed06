import { createHash, timingSafeEqual } from 'node:crypto'
import { parseKeyRequest, parseTargetInfo } from '@alcove/sgx'
import { isPlatformSigner, simulatedMrSigner } from '../client/signer.ts'
import type { Enclave } from '../platform/enclave.ts'
import { epcPageBytes } from '../platform/epc.ts'
import type { Platform } from '../platform/platform.ts'
import type { Grant, Operation, Request, RequestOf, WireAnswer } from '../protocol/index.ts'
import { SimulatorError } from '../simulator-error.ts'

/** The capabilities that the node's device files carry. */
export type PlatformTokens = Readonly<Record<Grant, string>>

/** The platform that is served now. */
export interface Machine {
  readonly platform: Platform
  /** Looks whether the platform's state is another, and then restarts it. @returns whether it did */
  reload(): boolean
}

/** Most enclaves that a connection holds at a time. */
const maxEnclaves = 16

/** What one connection may do and holds. Its end destroys its enclaves, as a process's does. */
export class Session {
  readonly #machine: Machine
  readonly #tokens: PlatformTokens
  readonly #grants = new Set<Grant>()
  readonly #enclaves = new Map<number, Enclave>()
  #lastId = 0

  constructor(machine: Machine, tokens: PlatformTokens) {
    this.#machine = machine
    this.#tokens = tokens
  }

  get #platform(): Platform {
    return this.#machine.platform
  }

  get isOpen(): boolean {
    return this.#grants.size > 0
  }

  /** @throws {SimulatorError | FormatError} what the answer is then to say */
  handle(request: Request): WireAnswer<Operation> {
    switch (request.op) {
      case 'open':
        return this.#open(request.token)
      case 'create':
        return this.#create(request)
      case 'addMeasured':
        return this.#addMeasured(request)
      case 'addUnmeasured':
        return this.#addUnmeasured(request)
      case 'init':
        return this.#init(request)
      case 'report':
        return this.#report(request)
      case 'getKey':
        return this.#getKey(request)
      case 'destroy':
        return this.#destroy(request)
      case 'qe.targetInfo':
      case 'qe.quoteSize':
      case 'qe.quote':
        return this.#quoting(request)
      case 'epc':
        return this.#platform.epc()
      case 'collateral':
        return this.#platform.collateral()
      case 'root':
        return { rootPem: this.#platform.rootPem }
      case 'tcb':
        return this.#tcb()
      case 'reload':
        return this.#reload()
    }
  }

  #tcb(): WireAnswer<'tcb'> {
    const { platformId, cpuSvn, pceSvn, qeIsvSvn } = this.#platform.state
    return { platformId, cpuSvn: cpuSvn.toBase64(), pceSvn, qeIsvSvn }
  }

  #reload(): WireAnswer<'reload'> {
    const restarted = this.#machine.reload()
    if (restarted) this.end()
    return { ...this.#tcb(), restarted }
  }

  /** Gives back what the connection held. @returns how many EPC pages that were */
  end(): number {
    let pages = 0
    for (const enclave of this.#enclaves.values()) {
      pages += enclave.pages
      enclave.destroy()
    }
    this.#enclaves.clear()
    return pages
  }

  #open(token: string): WireAnswer<'open'> {
    for (const grant of ['enclave', 'provision'] as const) {
      if (isSameSecret(token, this.#tokens[grant])) {
        this.#grants.add(grant)
        return { grants: [...this.#grants] }
      }
    }
    const message =
      'the token is not one of this node: read it from the device file that this program was given'
    throw new SimulatorError('ERR_SIMULATOR_NOT_PERMITTED', message)
  }

  #create({ sizeBytes, ssaFrameSize, debug, kss }: RequestOf<'create'>): WireAnswer<'create'> {
    this.#permit('enclave')
    if (this.#enclaves.size >= maxEnclaves) {
      const message = `this connection holds ${maxEnclaves} enclaves, the most allowed: destroy one`
      throw new SimulatorError('ERR_SIMULATOR_BUSY', message)
    }
    const enclave = this.#platform.createEnclave({ sizeBytes, ssaFrameSize, debug, kss })
    this.#lastId += 1
    this.#enclaves.set(this.#lastId, enclave)
    return { enclave: this.#lastId }
  }

  #addMeasured(request: RequestOf<'addMeasured'>): WireAnswer<'addMeasured'> {
    const { content, offset, secinfoFlags } = request
    const enclave = this.#enclave(request.enclave)
    for (let start = 0; start < content.byteLength; start += epcPageBytes) {
      const page = content.subarray(start, start + epcPageBytes)
      enclave.addMeasured(offset + start, BigInt(secinfoFlags), page)
    }
    return {}
  }

  #addUnmeasured(request: RequestOf<'addUnmeasured'>): WireAnswer<'addUnmeasured'> {
    const { offset, secinfoFlags, count } = request
    this.#enclave(request.enclave).addUnmeasured(offset, BigInt(secinfoFlags), count)
    return {}
  }

  #init(request: RequestOf<'init'>): WireAnswer<'init'> {
    const { signer, isvProdId, isvSvn, kss } = request
    const enclave = this.#enclave(request.enclave)
    if (isPlatformSigner(signer)) {
      const message = `EINIT: '${signer}' is a signer of the platform's own: name another in enclave.json`
      throw new SimulatorError('ERR_SIMULATOR_OPERAND', message)
    }
    const mrSigner = simulatedMrSigner(signer)
    const { mrEnclave } = enclave.init({ mrSigner, isvProdId, isvSvn, kss })
    return {
      mrEnclave: mrEnclave.toBase64(),
      mrSigner: mrSigner.toBase64(),
      targetInfo: enclave.targetInfo().toBase64(),
    }
  }

  #report(request: RequestOf<'report'>): WireAnswer<'report'> {
    const target = parseTargetInfo(request.targetInfo)
    const report = this.#enclave(request.enclave).report(target, request.reportData)
    return { report: report.toBase64() }
  }

  #getKey(request: RequestOf<'getKey'>): WireAnswer<'getKey'> {
    const enclave = this.#enclave(request.enclave)
    return { key: enclave.getKey(parseKeyRequest(request.keyRequest)).toBase64() }
  }

  #destroy(request: RequestOf<'destroy'>): WireAnswer<'destroy'> {
    this.#enclave(request.enclave).destroy()
    this.#enclaves.delete(request.enclave)
    return {}
  }

  #quoting(
    request: RequestOf<'qe.targetInfo' | 'qe.quoteSize' | 'qe.quote'>,
  ): WireAnswer<'qe.targetInfo' | 'qe.quoteSize' | 'qe.quote'> {
    this.#permit('provision')
    const { quoting } = this.#platform
    switch (request.op) {
      case 'qe.targetInfo':
        return {
          targetInfo: quoting.targetInfo.toBase64(),
          pubKeyId: quoting.pubKeyId.toBase64(),
        }
      case 'qe.quoteSize':
        return { quoteBytes: quoting.quoteBytes }
      case 'qe.quote': {
        const { report, qeReportInfo } = request
        const asked = qeReportInfo === undefined ? { report } : { report, qeReportInfo }
        const { quote, qeReport } = quoting.quote(asked)
        return { quote: quote.toBase64(), qeReport: qeReport?.toBase64() }
      }
    }
  }

  #enclave(id: number): Enclave {
    this.#permit('enclave')
    const enclave = this.#enclaves.get(id)
    if (enclave !== undefined) return enclave
    const message = `this connection holds no enclave ${id}: an enclave belongs to the connection that created it`
    throw new SimulatorError('ERR_SIMULATOR_ORDER', message)
  }

  #permit(grant: Grant): void {
    if (this.#grants.has(grant)) return
    const message =
      grant === 'enclave'
        ? 'no enclave device on this connection: ask for EPC, so that /dev/sgx_enclave is allocated, and open with the token in it'
        : 'no provision device on this connection: only who was allocated /dev/sgx_provision may have REPORTs quoted; programs ask the quote helper'
    throw new SimulatorError('ERR_SIMULATOR_NOT_PERMITTED', message)
  }
}

/** Compares digests, so that the time taken says nothing about either secret. */
function isSameSecret(a: string, b: string): boolean {
  const digest = (secret: string) => createHash('sha256').update(secret).digest()
  return timingSafeEqual(digest(a), digest(b))
}
