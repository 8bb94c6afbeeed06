import { ByteReader } from '@alcove/bytes'
import type { Attributes, ReportBody } from '@alcove/sgx'
import * as z from 'zod'
import { advisoryIds, hexOf, unsigned, utcSecond } from './json.ts'
import { parseSignedObject, type SignedObject } from './signed-json.ts'
import { type QeStatus, qeStatuses } from './tcb-status.ts'

/** What Intel says its quoting enclave looks like, and how good each of its versions is. */
export interface QeIdentity {
  /** `QE` for SGX; `TD_QE`, `QVE` and `QAE` are other enclaves. */
  readonly id: string
  readonly issueDate: Date
  readonly nextUpdate: Date
  readonly tcbEvaluationDataNumber: number
  readonly miscSelect: number
  readonly miscSelectMask: number
  readonly attributes: Attributes
  readonly attributesMask: Attributes
  /** Lower-case hex. */
  readonly mrSigner: string
  readonly isvProdId: number
  /** Best first. */
  readonly tcbLevels: readonly QeLevel[]
}

export interface QeLevel {
  readonly isvSvn: number
  readonly tcbDate: Date
  readonly status: QeStatus
  readonly advisories: readonly string[]
}

const level = z
  .object({
    tcb: z.object({ isvsvn: unsigned(0xffff) }),
    tcbDate: utcSecond,
    tcbStatus: z.enum(qeStatuses),
    advisoryIDs: advisoryIds,
  })
  .transform(({ tcb, tcbDate, tcbStatus, advisoryIDs }) => ({
    isvSvn: tcb.isvsvn,
    tcbDate,
    status: tcbStatus,
    advisories: advisoryIDs ?? [],
  }))

const identity: z.ZodType<QeIdentity> = z
  .object({
    id: z.string(),
    version: z.literal(2),
    issueDate: utcSecond,
    nextUpdate: utcSecond,
    tcbEvaluationDataNumber: unsigned(0xffff_ffff),
    miscselect: hexOf(4),
    miscselectMask: hexOf(4),
    attributes: hexOf(16),
    attributesMask: hexOf(16),
    mrsigner: hexOf(32),
    isvprodid: unsigned(0xffff),
    tcbLevels: z.array(level).min(1).max(1024),
  })
  .transform(({ miscselect, miscselectMask, attributes, attributesMask, ...others }) => ({
    id: others.id,
    issueDate: others.issueDate,
    nextUpdate: others.nextUpdate,
    tcbEvaluationDataNumber: others.tcbEvaluationDataNumber,
    miscSelect: reader(miscselect).u32le('miscselect'),
    miscSelectMask: reader(miscselectMask).u32le('miscselectMask'),
    attributes: readAttributes(attributes),
    attributesMask: readAttributes(attributesMask),
    mrSigner: others.mrsigner,
    isvProdId: others.isvprodid,
    tcbLevels: others.tcbLevels.toSorted((a, b) => b.isvSvn - a.isvSvn),
  }))

/**
 * Reads an enclave identity of version 2. Its signature is not checked here.
 *
 * @throws {CollateralError} as `parseSignedObject`
 * @see docs/formats/enclave-identity.md
 */
export function parseQeIdentity(text: string): SignedObject<QeIdentity> {
  return parseSignedObject(text, 'enclaveIdentity', identity)
}

/** The first field, in Intel's order, in which a QE's report is not what the identity says; `undefined` when all agree. */
export function differingField(
  report: ReportBody,
  wanted: QeIdentity,
): 'miscSelect' | 'attributes' | 'mrSigner' | 'isvProdId' | undefined {
  const { flags, xfrm } = report.attributes
  const mask = wanted.attributesMask
  // BigInt, since the 32-bit operators of JavaScript answer signed numbers.
  const miscSelect = Number(BigInt(report.miscSelect) & BigInt(wanted.miscSelectMask))
  if (miscSelect !== wanted.miscSelect) return 'miscSelect'
  if ((flags & mask.flags) !== wanted.attributes.flags) return 'attributes'
  if ((xfrm & mask.xfrm) !== wanted.attributes.xfrm) return 'attributes'
  if (report.mrSigner.toHex() !== wanted.mrSigner) return 'mrSigner'
  return report.isvProdId === wanted.isvProdId ? undefined : 'isvProdId'
}

/** The best level that a QE of this ISVSVN reaches, or `undefined` below all of them. */
export function qeLevel(levels: readonly QeLevel[], isvSvn: number): QeLevel | undefined {
  return levels.find(level => isvSvn >= level.isvSvn)
}

function readAttributes(hex: string): Attributes {
  const bytes = reader(hex)
  return { flags: bytes.u64le('flags'), xfrm: bytes.u64le('xfrm') }
}

function reader(hex: string): ByteReader {
  return new ByteReader(Uint8Array.fromHex(hex), 'enclaveIdentity')
}
