import { parseTargetInfo } from '../packages/sgx/src/index.ts'
import { createPlatform, type Platform } from '../packages/simulator/src/index.ts'

/** Machines certified by one simulated PCS, each with a PCK and an attestation key of its own. */
export interface SimulatedPlatforms {
  /** The text of a collateral file: it is of all of them. */
  readonly collateral: string
  /** DER. */
  readonly root: Uint8Array
  readonly at: Date
  /** A quote of the platform of that number. */
  quote(index: number): Uint8Array
}

const at = new Date('2026-05-01T12:00:00Z')

export function simulatedPlatforms(): SimulatedPlatforms {
  const first = platform(0)
  return {
    collateral: JSON.stringify(first.collateral()),
    root: first.rootCertificate,
    at,
    quote: index => quoteOf(platform(index)),
  }
}

function platform(index: number): Platform {
  return createPlatform({
    seed: new Uint8Array(32).fill(7),
    platformId: `bench-${index}`,
    now: () => at,
    random: length => new Uint8Array(length).fill(1),
    epcBytes: 2 ** 20,
  })
}

function quoteOf({ createEnclave, quoting }: Platform): Uint8Array {
  const enclave = createEnclave({ sizeBytes: 8192, ssaFrameSize: 1, debug: false })
  enclave.addMeasured(0, 0x205n, new Uint8Array(4096).fill(3))
  enclave.init({ mrSigner: new Uint8Array(32).fill(9), isvProdId: 1, isvSvn: 2 })
  const report = enclave.report(parseTargetInfo(quoting.targetInfo), new Uint8Array(64).fill(8))
  return quoting.quote({ report }).quote
}
