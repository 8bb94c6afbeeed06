import {
  type CollateralFile,
  createPcs,
  firstPublication,
  type LevelStatus,
  lowered,
  type PckCa,
  type PcsCollateralOptions,
  type PcsOptions,
  type Publication,
  type StoredAuthorities,
} from '../pcs/index.ts'
import { deriveBytes } from '../pcs/p256.ts'
import { Enclave, type EnclaveCreation } from './enclave.ts'
import { createEpcAccount, type EpcAccount, epcPageBytes } from './epc.ts'
import { cpuFromSeed } from './keys.ts'
import { defaultPlatformId, newPlatformState, type PlatformState } from './platform-state.ts'
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
  /** Which machine of the seed's PCS this is: each has keys of its own, under one root. `node` unless told. */
  readonly platformId?: string
  /** What the machine ran before; a machine that is new, and current, unless told. */
  readonly state?: PlatformState
  /** How far below its state the platform is to run this time; UpToDate, which is as its state says, unless told. */
  readonly tcb?: LevelStatus
  /** What the PCS has published, asked for whenever it issues collateral; its first TCB info unless told. */
  readonly publication?: () => Publication
  /** Certificates that are to be expired, or not yet valid. Not with `stored`. */
  readonly validity?: NonNullable<PcsOptions['validity']>
  /** What `stored()` answered at an earlier start with the same seed. */
  readonly stored?: StoredAuthorities
  /** 6 bytes: the platform's family, model and so on. */
  readonly fmspc?: Uint8Array
  /** Which of the two PCK CAs certifies the platform; `processor`, as on single-socket machines, unless told. */
  readonly ca?: PckCa
}

/** What is to be unusual about collateral. */
export interface CollateralChanges extends Pick<PcsCollateralOptions, 'validity'> {
  /** What the CRLs name; `pck` is this platform's certificate. */
  readonly revoked?: readonly ('pck' | 'processor' | 'platform' | 'tcbSigning')[]
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
  /** What it runs, and is certified for. */
  readonly state: PlatformState
  /** What a verifier needs for this platform's quotes, issued at `at`: now, unless told. */
  collateral(at?: Date, changes?: CollateralChanges): CollateralFile
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
  const { now, ca = 'processor', publication = () => firstPublication } = options
  const pcs = createPcs(pcsOptions(options))
  const state = stateOf(options, publication())
  const { platformId, cpuSvn, pceSvn, qeIsvSvn } = state
  const fmspc = options.fmspc ?? Uint8Array.fromHex(defaultFmspc)
  const pceId = new Uint8Array(2)
  const seed = platformSeed(options.seed, platformId)
  const ppid = deriveBytes(seed, 'PPID', new Uint8Array(), 16)
  const certified = { ppid, cpuSvn, pceSvn, pceId, fmspc, ca }
  const cpu = cpuFromSeed(seed, cpuSvn, options.random(32))
  const node = createEpcAccount('this node', wholePages(options.epcBytes))
  const reserve = createEpcAccount(
    "the quoting enclaves' reserve",
    wholePages(options.reserveBytes ?? defaultReserveBytes),
  )
  const pck = pcs.certifyPlatform(certified)
  const quoting = startQuoting({ cpu, reserve, seed, pceSvn, qeIsvSvn, pck })
  return {
    createEnclave: ({ sizeBytes, ssaFrameSize, debug, kss }) =>
      new Enclave(cpu, node, { sizeBytes, ssaFrameSize, debug, kss }),
    quoting,
    state,
    collateral: (at = now(), { revoked = [], validity = {} } = {}) =>
      pcs.collateral({
        fmspc,
        pceId,
        ca,
        at,
        qeIdentity: quoting.qeIdentity,
        publication: publication(),
        validity,
        revoked: revoked.map(one => (one === 'pck' ? certified : one)),
      }),
    rootPem: pcs.rootPem,
    rootCertificate: pcs.rootCertificate,
    stored: () => pcs.stored(),
    epc: () => ({ node: status(node), reserve: status(reserve) }),
  }
}

function pcsOptions({ seed, now, stored, validity }: PlatformOptions): PcsOptions {
  return {
    seed,
    now: now(),
    ...(stored === undefined ? {} : { stored }),
    ...(validity === undefined ? {} : { validity }),
  }
}

function stateOf(options: PlatformOptions, publication: Publication): PlatformState {
  const { platformId = defaultPlatformId, tcb = 'UpToDate' } = options
  const state = options.state ?? newPlatformState(platformId, publication)
  return tcb === 'UpToDate' ? state : { ...state, ...lowered(state, tcb) }
}

/** Two platforms of one seed share its PCS, and nothing else. */
function platformSeed(seed: Uint8Array, platformId: string): Uint8Array {
  return deriveBytes(seed, 'platform', new TextEncoder().encode(platformId), 32)
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
