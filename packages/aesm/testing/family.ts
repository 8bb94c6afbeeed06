import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import {
  decodeResponse,
  ecdsaP256KeyId,
  encodeFrame,
  encodeKeyIdList,
  encodeRequest,
  type OperationName,
  type RequestFields,
  type Response,
  trimQuote,
} from '../src/index.ts'
import { readAll } from './peer.ts'

/** One step of a client's sequence. Both initialisations are `initQuoteEx`; the first asks for a size only. */
export type Step =
  | 'selectAttKeyId'
  | 'getSupportedAttKeyIdNum'
  | 'getSupportedAttKeyIds'
  | 'initQuoteEx for the size'
  | 'initQuoteEx'
  | 'getQuoteSizeEx'
  | 'getQuoteEx'

/** What a client has been told so far, and so asks for. */
export interface Told {
  keyIds: number
  pubKeyIdSize: bigint
  quoteSize: number
}

/** Something that a client demands of an answer. */
export interface Demand {
  readonly on: Step
  readonly what: string
  readonly holds: (answer: Response, told: Told) => boolean
  /** Alters a good answer so that the demand is not met, for the proof that it is made. */
  readonly spoil: (answer: Response) => void
}

/** How one family of clients speaks. */
export interface Family {
  readonly name: string
  /** Which address it connects to, and which when nobody listens there. */
  readonly address: 'path' | 'abstract, else path' | 'path, else abstract'
  /** `two`: the length by itself, then the body. */
  readonly writes: 'one' | 'two'
  /** The field `timeout` of every request: milliseconds or microseconds, whatever the client means. */
  readonly timeout: number | undefined
  readonly steps: readonly Step[]
  /** `buf_size` where only the size of the key's id is asked for. */
  readonly sizingBufSize?: bigint
  /** `buf_size` of the quote, where it is not the length that `getQuoteSizeEx` told. */
  readonly quoteBufSize?: number
  /** Asks for the quoting enclave's REPORT over the quote. */
  readonly qeReportInfo?: Uint8Array
  /** Lists the ids that it can use, where it selects one; else has the server choose. */
  readonly listsKeyIds?: boolean
  /** What it does about 42: `again` initialises, makes another REPORT and asks once more. */
  readonly keyLost: 'gives up' | 'again'
  readonly demands: readonly Demand[]
}

/** Where a client of a family finds the server. */
export interface Addresses {
  readonly path: string
  /** The abstract name, without its leading zero byte. */
  readonly abstract: string
}

/** The abstract name that old platform software had, in the whole of `sun_path`. */
export const legacyAbstractName = 'sgx_aesm_socket_base'
const sunPathBytes = 108

/** An abstract name as `connect` of Node wants it: a zero byte, the name, and zeros to the end of `sun_path`. */
export function abstractAddress(name: string): string {
  return `\0${name}`.padEnd(sunPathBytes, '\0')
}

/** What every family demands, in one way or another. */
export const answersTheRequest = 'the sub-message that was asked for, with error 0'

export interface FamilyClientOptions {
  /** Sees, and may alter, every answer before the client does. */
  readonly intercept?: (step: Step, answer: Response) => void
  /** How often the server has read so far: makes sure that it reads the two writes of a request one by one. */
  readonly reads?: () => number
}

/** A client of the family: makes its whole sequence over real connections. */
export class FamilyClient {
  readonly family: Family
  /** Every frame it has sent. */
  readonly sent: Uint8Array[] = []
  readonly #addresses: Addresses
  readonly #options: FamilyClientOptions
  readonly #told: Told = { keyIds: 0, pubKeyIdSize: 32n, quoteSize: 0 }

  constructor(family: Family, addresses: Addresses, options: FamilyClientOptions = {}) {
    this.family = family
    this.#addresses = addresses
    this.#options = options
  }

  /** @throws {FamilyRefusal} an answer is not what the family demands */
  async quote(makeReport: (targetInfo: Uint8Array) => Uint8Array): Promise<Uint8Array> {
    try {
      return await this.#sequence(makeReport)
    } catch (error) {
      const isKeyLost = error instanceof FamilyRefusal && error.errorCode === 42
      if (!isKeyLost || this.family.keyLost === 'gives up') throw error
      return await this.#sequence(makeReport)
    }
  }

  async #sequence(makeReport: (targetInfo: Uint8Array) => Uint8Array): Promise<Uint8Array> {
    let report: Uint8Array = new Uint8Array()
    let quote: Uint8Array = new Uint8Array()
    for (const step of this.family.steps) {
      const answer = await this.#ask(step, report)
      this.#learn(answer)
      if (step === 'initQuoteEx') report = makeReport(answer.initQuoteEx?.targetInfo ?? report)
      if (answer.getQuoteEx) quote = trimQuote(answer.getQuoteEx.quote)
    }
    return quote
  }

  #learn({ getSupportedAttKeyIdNum, initQuoteEx, getQuoteSizeEx }: Response): void {
    if (getSupportedAttKeyIdNum) this.#told.keyIds = getSupportedAttKeyIdNum.attKeyIdNum
    if (initQuoteEx) this.#told.pubKeyIdSize = initQuoteEx.pubKeyIdSize
    if (getQuoteSizeEx) this.#told.quoteSize = getQuoteSizeEx.quoteSize
  }

  async #ask(step: Step, report: Uint8Array): Promise<Response> {
    const frame = encodeFrame(encodeRequest(requestOf(this.family, step, this.#told, report)))
    this.sent.push(frame)
    const answer = decodeResponse((await this.#exchange(frame)).subarray(4))
    this.#options.intercept?.(step, answer)
    const { name } = this.family
    const errorCode = answer[operationOfStep(step)]?.errorCode
    if (errorCode !== 0) throw new FamilyRefusal(name, step, answersTheRequest, errorCode)
    const told = { ...this.#told, quoteSize: this.family.quoteBufSize ?? this.#told.quoteSize }
    const unmet = this.family.demands.find(({ on, holds }) => on === step && !holds(answer, told))
    if (unmet !== undefined) throw new FamilyRefusal(name, step, unmet.what, errorCode)
    return answer
  }

  async #exchange(frame: Uint8Array): Promise<Uint8Array> {
    const socket = await this.#connect()
    const answer = readAll(socket)
    if (this.family.writes === 'two') {
      const { reads } = this.#options
      const before = reads?.()
      socket.write(frame.subarray(0, 4))
      do await setImmediate()
      while (reads !== undefined && reads() === before)
      socket.write(frame.subarray(4))
    } else {
      socket.write(frame)
    }
    return await answer
  }

  async #connect(): Promise<Socket> {
    const { path } = this.#addresses
    const abstract = abstractAddress(this.#addresses.abstract)
    switch (this.family.address) {
      case 'path':
        return await connected(path)
      case 'path, else abstract':
        return await connected(existsSync(path) ? path : abstract)
      case 'abstract, else path':
        return await connected(abstract).catch((error: NodeJS.ErrnoException) => {
          if (error.code === 'ECONNREFUSED') return connected(path)
          throw error
        })
    }
  }
}

/** A client would not go on, or was answered with an error number. */
export class FamilyRefusal extends Error {
  readonly errorCode: number | undefined

  constructor(family: string, step: Step, what: string, errorCode: number | undefined) {
    super(`${family} wants ${what}: ${step}, error ${errorCode}`)
    this.errorCode = errorCode
  }
}

/** The request, and the sub-message of the answer, that a step is made with. */
export function operationOfStep(step: Step): OperationName {
  return step === 'initQuoteEx for the size' ? 'initQuoteEx' : step
}

async function connected(address: string): Promise<Socket> {
  const socket = connect(address)
  await once(socket, 'connect')
  return socket
}

/** The request of a step, with just the fields that the family sets. */
function requestOf(family: Family, step: Step, told: Told, report: Uint8Array): RequestFields {
  const common = family.timeout === undefined ? {} : { timeout: family.timeout }
  const attKeyId = ecdsaP256KeyId
  switch (step) {
    case 'selectAttKeyId': {
      const list = family.listsKeyIds ? { attKeyIdList: encodeKeyIdList([attKeyId]) } : {}
      return { selectAttKeyId: { ...common, ...list } }
    }
    case 'getSupportedAttKeyIdNum':
      return { getSupportedAttKeyIdNum: common }
    case 'getSupportedAttKeyIds':
      return { getSupportedAttKeyIds: { ...common, bufSize: told.keyIds * 256 } }
    case 'initQuoteEx for the size': {
      const size = family.sizingBufSize === undefined ? {} : { bufSize: family.sizingBufSize }
      return { initQuoteEx: { ...common, attKeyId, bPubKeyId: false, ...size } }
    }
    case 'initQuoteEx':
      return { initQuoteEx: { ...common, attKeyId, bPubKeyId: true, bufSize: told.pubKeyIdSize } }
    case 'getQuoteSizeEx':
      return { getQuoteSizeEx: { ...common, attKeyId } }
    case 'getQuoteEx': {
      const info = family.qeReportInfo === undefined ? {} : { qeReportInfo: family.qeReportInfo }
      const bufSize = family.quoteBufSize ?? told.quoteSize
      return { getQuoteEx: { ...common, report, attKeyId, bufSize, ...info } }
    }
  }
}
