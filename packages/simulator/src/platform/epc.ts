import { SimulatorError } from '../simulator-error.ts'

/** Size of an EPC page, in bytes. */
export const epcPageBytes = 4096

/** EPC that is handed out page by page, and counted. */
export interface EpcAccount {
  readonly totalPages: number
  readonly freePages: number
  /** @throws {SimulatorError} `ERR_SIMULATOR_OUT_OF_EPC`, and then no page is taken */
  take(pages: number): void
  give(pages: number): void
}

/** @param name whose EPC this is, for the refusal: "this node", "the quoting enclaves' reserve" */
export function createEpcAccount(name: string, totalPages: number): EpcAccount {
  let taken = 0
  return {
    totalPages,
    get freePages() {
      return totalPages - taken
    },
    take(pages) {
      if (pages > totalPages - taken) throw outOfEpc(name, pages, totalPages - taken, totalPages)
      taken += pages
    },
    give(pages) {
      taken -= pages
    },
  }
}

function outOfEpc(name: string, asked: number, free: number, total: number): SimulatorError {
  const epc = {
    askedBytes: asked * epcPageBytes,
    freeBytes: free * epcPageBytes,
    totalBytes: total * epcPageBytes,
  }
  const message =
    `out of EPC: ${epc.askedBytes} bytes asked, ${epc.freeBytes} of ${name}'s ${epc.totalBytes} free; ` +
    'lower heapMiB in enclave.json, end another enclave, or use a node with more EPC'
  return new SimulatorError('ERR_SIMULATOR_OUT_OF_EPC', message, { epc })
}
