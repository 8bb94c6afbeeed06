import { type KeyObject, sign } from 'node:crypto'
import { ByteWriter } from '@alcove/bytes'
import type { Authorities } from './authorities.ts'
import { firstPublication, type Publication, tcbEvaluationDataNumber } from './publication.ts'
import type { PckCa } from './sgx-extension.ts'
import { qeLevelsOf, tcbLevelsOf } from './tcb-levels.ts'
import { issueCrl, type Period } from './x509.ts'

/** Collateral in its file form: JSON texts as signed, chains in PEM, CRLs in hex of their DER. */
export interface CollateralFile {
  readonly tcb_info: string
  readonly tcb_info_issuer_chain: string
  readonly qe_identity: string
  readonly qe_identity_issuer_chain: string
  readonly root_ca_crl: string
  readonly pck_crl: string
  readonly pck_crl_issuer_chain: string
}

/** What the simulated QE is, for the identity that quotes are checked against. */
export interface SimulatedQe {
  /** 32 bytes. */
  readonly mrSigner: Uint8Array
  readonly isvProdId: number
  readonly attributes: { readonly flags: bigint; readonly xfrm: bigint }
  readonly miscSelect: number
}

export interface CollateralOptions {
  /** 6 bytes. */
  readonly fmspc: Uint8Array
  /** 2 bytes. */
  readonly pceId: Uint8Array
  readonly ca: PckCa
  /** Time of issue, to the second below. */
  readonly at: Date
  readonly qeIdentity: SimulatedQe
  /** What was published until then; the first TCB info unless told. */
  readonly publication?: Publication
  /** Where a part is to be expired, or not yet valid. */
  readonly validity?: Readonly<Partial<Record<CollateralPart, Period>>>
}

/** The parts of collateral that are issued for a time. */
export type CollateralPart = 'tcbInfo' | 'qeIdentity' | 'rootCaCrl' | 'pckCrl'

/** Serial numbers that the two CRLs name. */
export interface RevokedSerials {
  readonly root: readonly Uint8Array[]
  readonly pck: readonly Uint8Array[]
}

/**
 * Everything that a verifier needs for quotes of one platform: TCB info (version 3), QE identity (version 2) and PCK
 * CRL for 30 days, root CRL for a year.
 *
 * @throws {FormatError} `ERR_FORMAT_VALUE` for a field of the wrong length
 */
export function issueCollateral(
  authorities: Authorities,
  options: CollateralOptions,
  revoked: RevokedSerials,
): CollateralFile {
  const { root, tcbSigning } = authorities
  const pckCa = authorities[options.ca]
  const signingChain = tcbSigning.pem + root.pem
  const crl = (
    part: 'rootCaCrl' | 'pckCrl',
    issuer: typeof root,
    serials: readonly Uint8Array[],
  ) => {
    const number = Math.floor(options.at.getTime() / 1000)
    const { from, until } = periodOf(part, options)
    const fields = { number, thisUpdate: from, nextUpdate: until, revoked: serials }
    return issueCrl(fields, issuer).toHex()
  }
  return {
    tcb_info: signedJson('tcbInfo', tcbInfo(options), tcbSigning.privateKey),
    tcb_info_issuer_chain: signingChain,
    qe_identity: signedJson('enclaveIdentity', qeIdentity(options), tcbSigning.privateKey),
    qe_identity_issuer_chain: signingChain,
    root_ca_crl: crl('rootCaCrl', root, revoked.root),
    pck_crl: crl('pckCrl', pckCa, revoked.pck),
    pck_crl_issuer_chain: pckCa.pem + root.pem,
  }
}

const daysValid: Readonly<Record<CollateralPart, number>> = {
  tcbInfo: 30,
  qeIdentity: 30,
  rootCaCrl: 365,
  pckCrl: 30,
}

function periodOf(part: CollateralPart, { at, validity }: CollateralOptions): Period {
  return validity?.[part] ?? { from: at, until: daysAfter(at, daysValid[part]) }
}

function tcbInfo(options: CollateralOptions): object {
  const { fmspc, pceId, publication = firstPublication } = options
  const { from, until } = periodOf('tcbInfo', options)
  return {
    id: 'SGX',
    version: 3,
    issueDate: seconds(from),
    nextUpdate: seconds(until),
    fmspc: hex('fmspc', fmspc, 6),
    pceId: hex('pceId', pceId, 2),
    tcbType: 0,
    tcbEvaluationDataNumber: tcbEvaluationDataNumber(publication),
    tcbLevels: tcbLevelsOf(publication).map(({ status, cpuSvn, pceSvn, tcbDate, advisories }) => ({
      tcb: { sgxtcbcomponents: Array.from(cpuSvn, svn => ({ svn })), pcesvn: pceSvn },
      tcbDate,
      tcbStatus: status,
      ...listed(advisories),
    })),
  }
}

/** All flags but MODE64 count, and no bit of XFRM: the mask that Intel publishes for its QE. */
const attributesMask = { flags: 0xffff_ffff_ffff_fffbn, xfrm: 0n }

function qeIdentity(options: CollateralOptions): object {
  const { qeIdentity: qe, publication = firstPublication } = options
  const { from, until } = periodOf('qeIdentity', options)
  return {
    id: 'QE',
    version: 2,
    issueDate: seconds(from),
    nextUpdate: seconds(until),
    tcbEvaluationDataNumber: tcbEvaluationDataNumber(publication),
    miscselect: new ByteWriter('qe').u32le('miscSelect', qe.miscSelect).done().toHex(),
    miscselectMask: 'ffffffff',
    // A verifier masks the report, not this: bits outside the mask must be zero here.
    attributes: attributesHex({
      flags: qe.attributes.flags & attributesMask.flags,
      xfrm: qe.attributes.xfrm & attributesMask.xfrm,
    }),
    attributesMask: attributesHex(attributesMask),
    mrsigner: hex('mrSigner', qe.mrSigner, 32),
    isvprodid: qe.isvProdId,
    tcbLevels: qeLevelsOf(publication).map(({ status, isvSvn, tcbDate, advisories }) => ({
      tcb: { isvsvn: isvSvn },
      tcbDate,
      tcbStatus: status,
      ...listed(advisories),
    })),
  }
}

/** Intel leaves the list out where it is empty. */
function listed(advisories: readonly string[]): object {
  return advisories.length === 0 ? {} : { advisoryIDs: advisories }
}

function hex(field: string, value: Uint8Array, length: number): string {
  return new ByteWriter('collateral').bytes(field, value, length).done().toHex()
}

function attributesHex({ flags, xfrm }: { flags: bigint; xfrm: bigint }): string {
  return new ByteWriter('attributes').u64le('flags', flags).u64le('xfrm', xfrm).done().toHex()
}

/** The signature, raw r‖s, is over the object's compact bytes as they stand in the answer. */
function signedJson(key: string, value: object, privateKey: KeyObject): string {
  const body = JSON.stringify(value)
  const signature = sign('sha256', new TextEncoder().encode(body), {
    key: privateKey,
    dsaEncoding: 'ieee-p1363',
  })
  return `{"${key}":${body},"signature":"${signature.toString('hex')}"}`
}

function daysAfter(start: Date, days: number): Date {
  return new Date(start.getTime() + days * 86_400_000)
}

function seconds(at: Date): string {
  return `${at.toISOString().slice(0, 19)}Z`
}
