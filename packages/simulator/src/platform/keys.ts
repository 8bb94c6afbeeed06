import { timingSafeEqual } from 'node:crypto'
import { ByteReader, ByteWriter, concatBytes } from '@alcove/bytes'
import {
  AttributeFlag,
  type Attributes,
  encodeReportBody,
  KeyName,
  type KeyRequest,
  type ReportBody,
  type TargetInfo,
} from '@alcove/sgx'
import { aesCmac } from '../cmac.ts'
import { deriveBytes } from '../pcs/p256.ts'
import { SimulatorError } from '../simulator-error.ts'
import { checkPolicy, checkSvns, sealKeyDerivationData } from './seal-key.ts'

/** What a CPU package holds and no program reads. With the SDK's simulation-mode values it is the SDK's simulator. */
export interface Cpu {
  /** 16 bytes, from which report keys are derived. */
  readonly baseReportKey: Uint8Array
  /** 16 bytes, from which sealing keys are derived. */
  readonly baseSealKey: Uint8Array
  /** 16 bytes, from which PROVISION and PROVISION_SEAL keys are derived. */
  readonly baseProvisionKey: Uint8Array
  /** 16 bytes that the machine's owner may change, which changes every key. */
  readonly ownerEpoch: Uint8Array
  /** 16 bytes: the microcode's security versions. */
  readonly cpuSvn: Uint8Array
  /** 32 bytes, put into every REPORT; on silicon random at each reset. */
  readonly reportKeyId: Uint8Array
}

/** What the CPU knows of an initialised enclave: a REPORT's body but for what the enclave says itself. */
export type EnclaveIdentity = Omit<ReportBody, 'cpuSvn' | 'reportData'>

/** An enclave's TARGETINFO: what another needs to make a REPORT for it. */
export type ReportTarget = Pick<
  EnclaveIdentity,
  'mrEnclave' | 'attributes' | 'configSvn' | 'miscSelect' | 'configId'
>

/** A CPU whose secrets follow from `seed`; whoever knows the seed can forge its REPORTs and open what was sealed. */
export function cpuFromSeed(seed: Uint8Array, cpuSvn: Uint8Array, reportKeyId: Uint8Array): Cpu {
  const secret = (label: string) => deriveBytes(seed, label, new Uint8Array(), 16)
  return {
    baseReportKey: secret('base report key'),
    baseSealKey: secret('base seal key'),
    baseProvisionKey: secret('base provision key'),
    ownerEpoch: secret('owner epoch'),
    cpuSvn,
    reportKeyId,
  }
}

/**
 * EREPORT: who `enclave` is, and 64 bytes that it says, for `target` on the same CPU to check.
 *
 * @returns a REPORT, 432 bytes
 */
export function ereport(
  cpu: Cpu,
  enclave: EnclaveIdentity,
  target: TargetInfo,
  reportData: Uint8Array,
): Uint8Array {
  const body = encodeReportBody({ ...enclave, cpuSvn: cpu.cpuSvn, reportData })
  const key = reportKey(cpu, target, cpu.reportKeyId)
  return concatBytes(body, cpu.reportKeyId, aesCmac(key, body))
}

/**
 * EGETKEY: REPORT, SEAL, and for enclaves with the attribute PROVISION_KEY also PROVISION and PROVISION_SEAL.
 *
 * @returns 16 bytes
 * @throws {SimulatorError} `ERR_SIMULATOR_KEY_NAME`, `_POLICY`, `_ATTRIBUTE`, `_ISVSVN`, `_CONFIGSVN`, `_CPUSVN`
 */
export function egetkey(cpu: Cpu, enclave: EnclaveIdentity, request: KeyRequest): Uint8Array {
  checkPolicy(enclave, request)
  switch (request.keyName) {
    case KeyName.report:
      return reportKey(cpu, enclave, request.keyId)
    case KeyName.seal:
      checkSvns(cpu, enclave, request)
      return aesCmac(cpu.baseSealKey, sealKeyDerivationData(cpu, enclave, request))
    case KeyName.provision:
    case KeyName.provisionSeal:
      checkProvision(enclave)
      checkSvns(cpu, enclave, request)
      return aesCmac(cpu.baseProvisionKey, sealKeyDerivationData(cpu, enclave, request))
    default: {
      const message = `EGETKEY: this platform has no key of name ${request.keyName}: it offers REPORT (${KeyName.report}) and SEAL (${KeyName.seal})`
      throw new SimulatorError('ERR_SIMULATOR_KEY_NAME', message)
    }
  }
}

function checkProvision({ attributes }: EnclaveIdentity): void {
  if ((attributes.flags & AttributeFlag.provisionKey) !== 0n) return
  const message =
    "EGETKEY: PROVISION keys need the attribute PROVISION_KEY, which only the platform's own enclaves have here"
  throw new SimulatorError('ERR_SIMULATOR_KEY_ATTRIBUTE', message)
}

/**
 * The key of REPORTs for `target`. CMAC of the base report key over 192 bytes:
 *
 * | offset | size | field      |
 * | -----: | ---: | ---------- |
 * |   0x00 |    2 | keyName    |
 * |   0x02 |    6 | zero       |
 * |   0x08 |   16 | attributes |
 * |   0x18 |    4 | miscSelect |
 * |   0x1c |   16 | ownerEpoch |
 * |   0x2c |   32 | mrEnclave  |
 * |   0x4c |   16 | cpuSvn     |
 * |   0x5c |    2 | configSvn  |
 * |   0x5e |   64 | configId   |
 * |   0x9e |   32 | keyId      |
 * |   0xbe |    2 | zero       |
 *
 * @see Intel SGX SDK, sdk/simulation: dd_report_key_t. What silicon derives from is Intel's own; the inputs are these.
 */
export function reportKey(cpu: Cpu, target: ReportTarget, keyId: Uint8Array): Uint8Array {
  return aesCmac(cpu.baseReportKey, reportKeyDerivationData(cpu, target, keyId))
}

/** The 192 bytes that a report key is the CMAC of. */
export function reportKeyDerivationData(
  cpu: Cpu,
  target: ReportTarget,
  keyId: Uint8Array,
): Uint8Array {
  return new ByteWriter('reportKeyDerivation')
    .u16le('keyName', KeyName.report)
    .zeros(6)
    .bytes('attributes', encodeAttributes(target.attributes), 16)
    .u32le('miscSelect', target.miscSelect)
    .bytes('ownerEpoch', cpu.ownerEpoch, 16)
    .bytes('mrEnclave', target.mrEnclave, 32)
    .bytes('cpuSvn', cpu.cpuSvn, 16)
    .u16le('configSvn', target.configSvn)
    .bytes('configId', target.configId, 64)
    .bytes('keyId', keyId, 32)
    .zeros(2)
    .done()
}

function encodeAttributes({ flags, xfrm }: Attributes): Uint8Array {
  return new ByteWriter('attributes').u64le('flags', flags).u64le('xfrm', xfrm).done()
}

/** A REPORT's parts as its MAC sees them: the body is what was authenticated, byte for byte. */
export interface ReportParts {
  readonly body: Uint8Array
  readonly keyId: Uint8Array
  readonly mac: Uint8Array
}

/** @throws {FormatError} unless `report` has 432 bytes */
export function splitReport(report: Uint8Array): ReportParts {
  const reader = new ByteReader(report, 'report')
  const parts = {
    body: reader.bytes('body', 384),
    keyId: reader.bytes('keyId', 32),
    mac: reader.bytes('mac', 16),
  }
  reader.end()
  return parts
}

/** Whether the holder of `key` may believe a REPORT. Takes the same time wherever a MAC is wrong. */
export function isReportAuthentic({ body, mac }: ReportParts, key: Uint8Array): boolean {
  return timingSafeEqual(aesCmac(key, body), mac)
}
