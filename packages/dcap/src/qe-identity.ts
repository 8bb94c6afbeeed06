import { ByteReader } from '@alcove/bytes'
import type { Attributes, ReportBody } from '@alcove/sgx'
import type { JsonReader } from './json-reader.ts'
import { type ModuleLevel, readModuleLevels } from './module-level.ts'
import { parseSignedObject, type SignedObject } from './signed-json.ts'

/** What Intel says its quoting enclave looks like, and how good each of its versions is. */
export interface QeIdentity {
  /** `QE` for SGX, `TD_QE` for TDX; `QVE` and `QAE` are other enclaves. */
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
  readonly tcbLevels: readonly ModuleLevel[]
}

/**
 * Reads an enclave identity of version 2. Its signature is not checked here.
 *
 * @throws {CollateralError} as `parseSignedObject`
 * @see docs/formats/enclave-identity.md
 */
export function parseQeIdentity(text: string): SignedObject<QeIdentity> {
  return parseSignedObject(text, 'enclaveIdentity', readQeIdentity)
}

type Found = { -readonly [Field in keyof QeIdentity]?: QeIdentity[Field] } & { version?: number }

/** What is read, by key; the rest is passed over. */
const members: ReadonlyMap<string, (reader: JsonReader, found: Found) => void> = new Map([
  [
    'version',
    (reader: JsonReader, found: Found) => {
      found.version = readVersion(reader)
    },
  ],
  [
    'id',
    (reader: JsonReader, found: Found) => {
      found.id = reader.string(64)
    },
  ],
  [
    'issueDate',
    (reader: JsonReader, found: Found) => {
      found.issueDate = reader.utcSecond()
    },
  ],
  [
    'nextUpdate',
    (reader: JsonReader, found: Found) => {
      found.nextUpdate = reader.utcSecond()
    },
  ],
  [
    'tcbEvaluationDataNumber',
    (reader: JsonReader, found: Found) => {
      found.tcbEvaluationDataNumber = reader.unsigned(0xffff_ffff)
    },
  ],
  [
    'miscselect',
    (reader: JsonReader, found: Found) => {
      found.miscSelect = fromHex(reader.hex(4)).u32le('miscselect')
    },
  ],
  [
    'miscselectMask',
    (reader: JsonReader, found: Found) => {
      found.miscSelectMask = fromHex(reader.hex(4)).u32le('miscselectMask')
    },
  ],
  [
    'attributes',
    (reader: JsonReader, found: Found) => {
      found.attributes = attributesOf(reader.hex(16))
    },
  ],
  [
    'attributesMask',
    (reader: JsonReader, found: Found) => {
      found.attributesMask = attributesOf(reader.hex(16))
    },
  ],
  [
    'mrsigner',
    (reader: JsonReader, found: Found) => {
      found.mrSigner = reader.hex(32)
    },
  ],
  [
    'isvprodid',
    (reader: JsonReader, found: Found) => {
      found.isvProdId = reader.unsigned(0xffff)
    },
  ],
  [
    'tcbLevels',
    (reader: JsonReader, found: Found) => {
      found.tcbLevels = readModuleLevels(reader)
    },
  ],
])

function readQeIdentity(reader: JsonReader): QeIdentity {
  const found: Found = {}
  reader.object(key => members.get(key)?.(reader, found))
  reader.required(found.version, 'version')
  const { tcbEvaluationDataNumber } = found
  return {
    id: reader.required(found.id, 'id'),
    issueDate: reader.required(found.issueDate, 'issueDate'),
    nextUpdate: reader.required(found.nextUpdate, 'nextUpdate'),
    tcbEvaluationDataNumber: reader.required(tcbEvaluationDataNumber, 'tcbEvaluationDataNumber'),
    miscSelect: reader.required(found.miscSelect, 'miscselect'),
    miscSelectMask: reader.required(found.miscSelectMask, 'miscselectMask'),
    attributes: reader.required(found.attributes, 'attributes'),
    attributesMask: reader.required(found.attributesMask, 'attributesMask'),
    mrSigner: reader.required(found.mrSigner, 'mrsigner'),
    isvProdId: reader.required(found.isvProdId, 'isvprodid'),
    tcbLevels: reader.required(found.tcbLevels, 'tcbLevels'),
  }
}

function readVersion(reader: JsonReader): number {
  const version = reader.unsigned(0xffff_ffff)
  if (version === 2) return version
  throw reader.refuse(`only version 2 is supported, this is ${version}`)
}

/** The first field, in Intel's order, in which a QE's report is not what the identity says; `undefined` when all agree. */
export function differingField(
  report: ReportBody,
  wanted: QeIdentity,
): 'miscSelect' | 'attributes' | 'mrSigner' | 'isvProdId' | undefined {
  // `>>> 0`, since `&` answers a signed number.
  if ((report.miscSelect & wanted.miscSelectMask) >>> 0 !== wanted.miscSelect) return 'miscSelect'
  const { flags, xfrm } = report.attributes
  const mask = wanted.attributesMask
  if ((flags & mask.flags) !== wanted.attributes.flags) return 'attributes'
  if ((xfrm & mask.xfrm) !== wanted.attributes.xfrm) return 'attributes'
  if (report.mrSigner.toHex() !== wanted.mrSigner) return 'mrSigner'
  return report.isvProdId === wanted.isvProdId ? undefined : 'isvProdId'
}

function attributesOf(hex: string): Attributes {
  const bytes = fromHex(hex)
  return { flags: bytes.u64le('flags'), xfrm: bytes.u64le('xfrm') }
}

function fromHex(hex: string): ByteReader {
  return new ByteReader(Uint8Array.fromHex(hex), 'enclaveIdentity')
}
