import { createHash, type KeyObject, sign } from 'node:crypto'
import { ByteReader, ByteWriter, concatBytes } from '@alcove/bytes'
import {
  encodeQuote,
  encodeQuoteSignedPart,
  INTEL_QE_VENDOR_ID,
  parseReportBody,
  parseTargetInfo,
  type QuoteHeader,
  type QuoteSubject,
  reportKeyRequest,
  type TargetInfo,
} from '@alcove/sgx'
import { layOutEnclave } from '../client/layout.ts'
import { platformSignerPrefix, simulatedMrSigner } from '../client/signer.ts'
import { deriveBytes } from '../pcs/p256.ts'
import { SimulatorError } from '../simulator-error.ts'
import { type AttestationKey, attestationKeyFromSeed } from './attestation-key.ts'
import { Enclave } from './enclave.ts'
import type { EpcAccount } from './epc.ts'
import {
  type Cpu,
  type EnclaveIdentity,
  isReportAuthentic,
  type ReportParts,
  splitReport,
} from './keys.ts'

/** The platform certification key, and the chain that vouches for it: leaf, intermediate, root, PEM. */
export interface PckCertification {
  readonly privateKey: KeyObject
  readonly chainPem: string
}

export interface QuotingDeps {
  readonly cpu: Cpu
  /** Where the quoting enclaves live. */
  readonly reserve: EpcAccount
  readonly seed: Uint8Array
  readonly pceSvn: number
  /** Security version of the quoting enclave, as Intel's has one. */
  readonly qeIsvSvn: number
  readonly pck: PckCertification
}

export interface QuoteRequest {
  /** 432 bytes, made for the quoting enclave. */
  readonly report: Uint8Array
  /** 960 bytes: a nonce, and the TARGETINFO of the enclave that wants to know that the quote is the quoting enclave's. */
  readonly qeReportInfo?: Uint8Array
}

export interface QuoteAnswer {
  readonly quote: Uint8Array
  /** 432 bytes: SHA-256(nonce ‖ quote), as a REPORT of the quoting enclave; only where the request had a `qeReportInfo`. */
  readonly qeReport?: Uint8Array
}

/** The simulated quoting enclave, as a quote helper sees it. */
export interface Quoting {
  /** 512 bytes: what an enclave makes the REPORT for that is to become a quote. */
  readonly targetInfo: Uint8Array
  /** 32 bytes that change when the attestation key does. */
  readonly pubKeyId: Uint8Array
  readonly quoteBytes: number
  readonly qeIdentity: EnclaveIdentity
  /**
   * @throws {SimulatorError} `ERR_SIMULATOR_REPORT` where the REPORT is not this CPU's for this quoting enclave
   * @throws {FormatError} for operands of another length
   */
  quote(request: QuoteRequest): QuoteAnswer
}

/** QE authentication data: the 32 bytes 00, 01, … 1f, as Intel's QE has them. */
const authData = Uint8Array.from({ length: 32 }, (_, index) => index)
const pckChainType = 5

/** Loads the quoting enclave and the provisioning certification enclave into the reserve, and makes the attestation key. */
export function startQuoting(deps: QuotingDeps): Quoting {
  const { qeIsvSvn } = deps
  const qe = load('quoting-enclave', qeIsvSvn, deps)
  const pce = load('provisioning-certification-enclave', deps.pceSvn, deps)
  const attestationKey = attestationKeyFromSeed(deps.seed, attestationTcb(deps))
  const certified = certify(qe, pce, attestationKey, deps.pck)
  const header: QuoteHeader = {
    version: 3,
    attestationKeyType: 2,
    qeSvn: qeIsvSvn,
    pceSvn: deps.pceSvn,
    qeVendorId: INTEL_QE_VENDOR_ID,
    userData: concatBytes(deriveBytes(deps.seed, 'QE_ID', new Uint8Array(), 16), new Uint8Array(4)),
  }
  const makeQuote = (report: Uint8Array) => {
    const { body } = checkedReport(qe, report, 'the quoting enclave')
    const claims = parseReportBody(new ByteReader(body, 'report'))
    const subject: QuoteSubject = { header, tee: 'SGX', body: claims }
    const signature = signWith(attestationKey.privateKey, encodeQuoteSignedPart(subject))
    return encodeQuote({ ...subject, signature, ...certified })
  }
  const someReport = qe.report(parseTargetInfo(qe.targetInfo()), new Uint8Array(64))
  return {
    targetInfo: qe.targetInfo(),
    pubKeyId: sha256(attestationKey.publicKey),
    quoteBytes: makeQuote(someReport).byteLength,
    qeIdentity: qe.identity,
    quote({ report, qeReportInfo }) {
      const info = qeReportInfo === undefined ? undefined : parseQeReportInfo(qeReportInfo)
      const quote = makeQuote(report)
      if (info === undefined) return { quote }
      const qeReport = qe.report(info.target, hashAsReportData(info.nonce, quote))
      return { quote, qeReport }
    },
  }
}

/** At another TCB the quoting enclave makes another key, which its PCE certifies anew. */
function attestationTcb({ cpu, pceSvn, qeIsvSvn }: QuotingDeps): Uint8Array {
  return new ByteWriter('attestationTcb')
    .bytes('cpuSvn', cpu.cpuSvn, 16)
    .u16le('pceSvn', pceSvn)
    .u16le('qeIsvSvn', qeIsvSvn)
    .done()
}

/** An enclave of the platform's own: measured like any other, and signed in the platform's name. */
function load(name: string, isvSvn: number, { cpu, reserve }: QuotingDeps): Enclave {
  const main = `${name}.txt`
  const content = new TextEncoder().encode(
    `Alcove's simulated SGX platform: ${name}, version ${isvSvn}\n`,
  )
  const { sizeBytes, ssaFrameSize, runs } = layOutEnclave({ name, main, heapMiB: 0 }, [
    { path: main, content },
  ])
  const creation = { sizeBytes, ssaFrameSize, debug: false, provisionKey: true }
  const enclave = new Enclave(cpu, reserve, creation)
  for (const run of runs) {
    if ('content' in run) enclave.addMeasured(run.offset, BigInt(run.secinfoFlags), run.content)
    else enclave.addUnmeasured(run.offset, BigInt(run.secinfoFlags), run.count)
  }
  const mrSigner = simulatedMrSigner(`${platformSignerPrefix}quoting`)
  enclave.init({ mrSigner, isvProdId: 1, isvSvn })
  return enclave
}

/** The QE reports its attestation key to the PCE, which checks the REPORT and signs its body with the PCK. */
function certify(qe: Enclave, pce: Enclave, key: AttestationKey, pck: PckCertification) {
  const reportData = hashAsReportData(key.publicKey, authData)
  const report = qe.report(parseTargetInfo(pce.targetInfo()), reportData)
  const { body } = checkedReport(pce, report, 'the provisioning certification enclave')
  return {
    attestationKey: key.publicKey,
    qeReportBytes: body,
    qeReportSignature: signWith(pck.privateKey, body),
    qeAuthData: authData,
    // Quotes made with Intel's provider library end their chain with a NUL.
    certification: { type: pckChainType, data: new TextEncoder().encode(`${pck.chainPem}\0`) },
  }
}

function checkedReport(enclave: Enclave, report: Uint8Array, who: string): ReportParts {
  const parts = splitReport(report)
  if (isReportAuthentic(parts, enclave.getKey(reportKeyRequest(parts.keyId)))) return parts
  const message =
    `the REPORT's MAC is not this CPU's for ${who}: ` +
    "make the REPORT on this node, for the TARGETINFO that the quote helper's init answers"
  throw new SimulatorError('ERR_SIMULATOR_REPORT', message)
}

/**
 * | offset | size | field                                              |
 * | -----: | ---: | -------------------------------------------------- |
 * |  0x000 |   16 | nonce                                              |
 * |  0x010 |  512 | TARGETINFO of the application's enclave            |
 * |  0x210 |  432 | the quoting enclave's REPORT; ignored in a request |
 *
 * @see Intel SGX SDK, sgx_qe_report_info_t
 */
function parseQeReportInfo(bytes: Uint8Array): { nonce: Uint8Array; target: TargetInfo } {
  const reader = new ByteReader(bytes, 'qeReportInfo')
  const nonce = reader.bytes('nonce', 16)
  const target = parseTargetInfo(reader.bytes('targetInfo', 512))
  reader.bytes('qeReport', 432)
  reader.end()
  return { nonce, target }
}

function hashAsReportData(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = sha256(concatBytes(...parts))
  return new ByteWriter('reportData').bytes('hash', hash, 32).zeros(32).done()
}

function sha256(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(createHash('sha256').update(bytes).digest())
}

/** ECDSA over SHA-256, r ‖ s, 64 bytes. */
function signWith(key: KeyObject, bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }))
}
