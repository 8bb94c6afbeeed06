import {
  type CollateralFile,
  cpuSvnFor,
  createPcs,
  type PckCa,
  type StoredAuthorities,
  type TcbStatus,
} from '../pcs/index.ts'
import { deriveBytes } from '../pcs/p256.ts'
import { Enclave, type EnclaveCreation } from './enclave.ts'
import { createEpcAccount, type EpcAccount, epcPageBytes } from './epc.ts'
import { cpuFromSeed } from './keys.ts'
import { type Quoting, startQuoting } from './quoting.ts'

export interface PlatformOptions {
  /** 32 bytes, secret: every key of the machine follows from it. */
  readonly seed: Uint8Array
  readonly now: () => Date
  readonly random: (bytes: number) => Uint8Array
  /** EPC that the node advertises; what is not a whole page of it is not used. */
  readonly epcBytes: number
  /** EPC for the quoting enclaves, not advertised; 4 MiB unless told. */
  readonly reserveBytes?: number
  /** How current the platform is to come out as; UpToDate unless told. */
  readonly tcb?: TcbStatus
  /** What `stored()` answered at an earlier start with the same seed. */
  readonly stored?: StoredAuthorities
  /** 6 bytes: the platform's family, model and so on. */
  readonly fmspc?: Uint8Array
  /** Which of the two PCK CAs certifies the platform; `processor`, as on single-socket machines, unless told. */
  readonly ca?: PckCa
}

export interface EpcStatus {
  readonly totalBytes: number
  readonly freeBytes: number
}

/** A machine with SGX, in software: one CPU, its EPC, its quoting enclaves, and the PCS that certifies it. */
export interface Platform {
  /** ECREATE for a program; its pages come out of the node's EPC. @throws {SimulatorError} as `Enclave` */
  createEnclave(creation: Omit<EnclaveCreation, 'provisionKey'>): Enclave
  readonly quoting: Quoting
  /** What a verifier needs for this platform's quotes, issued at `at`: now, unless told. */
  collateral(at?: Date): CollateralFile
  readonly rootPem: string
  /** DER. */
  readonly rootCertificate: Uint8Array
  /** What is to be kept, so that the next start has the same root certificate. */
  stored(): StoredAuthorities
  epc(): { readonly node: EpcStatus; readonly reserve: EpcStatus }
}

const defaultReserveBytes = 4 * 2 ** 20
/** No real platform's: `A1C0` for Alcove, `FF` where Intel's have the stepping. */
const defaultFmspc = 'a1c0ff000001'

/**
 * @throws {PcsError} `ERR_SIMULATOR_AUTHORITIES` where `stored` is malformed or belongs to another seed
 * @throws {SimulatorError} `ERR_SIMULATOR_OUT_OF_EPC` where the reserve does not hold the quoting enclaves
 * @throws {FormatError} `ERR_FORMAT_VALUE` for a seed that is not 32 bytes long
 */
export function createPlatform(options: PlatformOptions): Platform {
  const { seed, now, stored, ca = 'processor', reserveBytes = defaultReserveBytes } = options
  const pcs = createPcs({ seed, now: now(), ...(stored === undefined ? {} : { stored }) })
  const { cpuSvn, pceSvn } = cpuSvnFor(options.tcb ?? 'UpToDate')
  const fmspc = options.fmspc ?? Uint8Array.fromHex(defaultFmspc)
  const pceId = new Uint8Array(2)
  const ppid = deriveBytes(seed, 'PPID', new Uint8Array(), 16)
  const pck = pcs.certifyPlatform({ ppid, cpuSvn, pceSvn, pceId, fmspc, ca })
  const cpu = cpuFromSeed(seed, cpuSvn, options.random(32))
  const node = createEpcAccount('this node', wholePages(options.epcBytes))
  const reserve = createEpcAccount("the quoting enclaves' reserve", wholePages(reserveBytes))
  const quoting = startQuoting({ cpu, reserve, seed, pceSvn, pck })
  return {
    createEnclave: ({ sizeBytes, ssaFrameSize, debug, kss }) =>
      new Enclave(cpu, node, { sizeBytes, ssaFrameSize, debug, kss }),
    quoting,
    collateral: (at = now()) =>
      pcs.collateral({ fmspc, pceId, ca, at, qeIdentity: quoting.qeIdentity }),
    rootPem: pcs.rootPem,
    rootCertificate: pcs.rootCertificate,
    stored: () => pcs.stored(),
    epc: () => ({ node: status(node), reserve: status(reserve) }),
  }
}

function wholePages(bytes: number): number {
  return Math.floor(bytes / epcPageBytes)
}

function status(account: EpcAccount): EpcStatus {
  return {
    totalBytes: account.totalPages * epcPageBytes,
    freeBytes: account.freePages * epcPageBytes,
  }
}
