import {
  type Answer,
  maxContentPages,
  maxUnmeasuredPages,
  type Operation,
  type RequestFields,
} from '../protocol/index.ts'
import type { PageRun } from './layout.ts'

/** Asks the platform, on one connection. */
export type Ask = <Op extends Operation>(
  op: Op,
  fields: RequestFields<string>[Op],
) => Promise<Answer<Op>>

export type ClientEnclaveCreation = RequestFields<string>['create']
export type ClientEnclaveSignature = Omit<RequestFields<string>['init'], 'enclave'>

/** An enclave between ECREATE and EINIT. */
export interface CreatedEnclave {
  /** EADD of consecutive pages; those with content are measured. */
  add(run: PageRun): Promise<void>
  init(signature: ClientEnclaveSignature): Promise<LoadedEnclave>
  destroy(): Promise<void>
}

/** An enclave that has an identity. */
export interface LoadedEnclave {
  /** 32 bytes. */
  readonly mrEnclave: Uint8Array
  /** 32 bytes. */
  readonly mrSigner: Uint8Array
  /** 512 bytes: with what another enclave makes a REPORT for this one. */
  readonly targetInfo: Uint8Array
  /**
   * EREPORT.
   *
   * @param targetInfo 512 bytes
   * @param reportData 64 bytes
   * @returns 432 bytes
   */
  report(targetInfo: Uint8Array, reportData: Uint8Array): Promise<Uint8Array>
  /**
   * EGETKEY, for REPORT and SEAL keys.
   *
   * @param keyRequest 512 bytes, a KEYREQUEST
   * @returns 16 bytes
   * @throws {SimulatorError} `ERR_SIMULATOR_KEY_NAME`, `_POLICY`, `_ATTRIBUTE`, `_ISVSVN`, `_CONFIGSVN`, `_CPUSVN`
   */
  getKey(keyRequest: Uint8Array): Promise<Uint8Array>
  /** Gives its EPC back. */
  destroy(): Promise<void>
}

const pageBytes = 4096

/** ECREATE. @throws {SimulatorError} as the platform refuses */
export async function createEnclave(
  ask: Ask,
  creation: ClientEnclaveCreation,
): Promise<CreatedEnclave> {
  const { enclave } = await ask('create', creation)
  const destroy = async () => {
    await ask('destroy', { enclave })
  }
  return {
    async add(run) {
      for (const { op, fields } of requestsFor(enclave, run)) await ask(op, fields)
    },
    async init({ signer, isvProdId, isvSvn, kss }) {
      const identity = await ask('init', { enclave, signer, isvProdId, isvSvn, kss })
      return {
        ...identity,
        report: (target, data) => report(ask, enclave, target, data),
        getKey: async keyRequest =>
          (await ask('getKey', { enclave, keyRequest: keyRequest.toBase64() })).key,
        destroy,
      }
    },
    destroy,
  }
}

async function report(
  ask: Ask,
  enclave: number,
  targetInfo: Uint8Array,
  reportData: Uint8Array,
): Promise<Uint8Array> {
  const operands = { targetInfo: targetInfo.toBase64(), reportData: reportData.toBase64() }
  return (await ask('report', { enclave, ...operands })).report
}

type AddRequest = {
  [Op in 'addMeasured' | 'addUnmeasured']: { op: Op; fields: RequestFields<string>[Op] }
}['addMeasured' | 'addUnmeasured']

/** As many requests as the protocol's limits make of a run. */
function* requestsFor(enclave: number, run: PageRun): Generator<AddRequest, void> {
  const { offset, secinfoFlags } = run
  if ('count' in run) {
    for (let page = 0; page < run.count; page += maxUnmeasuredPages) {
      const count = Math.min(maxUnmeasuredPages, run.count - page)
      const fields = { enclave, offset: offset + page * pageBytes, secinfoFlags, count }
      yield { op: 'addUnmeasured', fields }
    }
    return
  }
  const step = maxContentPages * pageBytes
  for (let start = 0; start < run.content.byteLength; start += step) {
    const content = run.content.subarray(start, start + step).toBase64()
    yield { op: 'addMeasured', fields: { enclave, offset: offset + start, secinfoFlags, content } }
  }
}
