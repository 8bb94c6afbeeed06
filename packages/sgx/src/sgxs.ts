import { ByteReader } from '@alcove/bytes'
import { CHUNK_BYTES, EnclaveMeasurement } from './enclave-measurement.ts'

/** One step of an enclave's build, as an SGXS file has it. Offsets count from the start of the enclave. */
export type SgxsRecord =
  | { readonly type: 'ecreate'; readonly ssaFrameSize: number; readonly size: bigint }
  | { readonly type: 'eadd'; readonly offset: bigint; readonly secinfoFlags: bigint }
  | { readonly type: 'eextend'; readonly offset: bigint; readonly data: Uint8Array }
  /** 256 bytes that are loaded but not measured. */
  | { readonly type: 'unmeasrd'; readonly offset: bigint; readonly data: Uint8Array }

/**
 * Reads an SGXS file, record by record, each when it is asked for. Data are views of the input.
 *
 * | offset | size | field                                                        |
 * | -----: | ---: | ------------------------------------------------------------ |
 * |   0x00 |    8 | tag: ECREATE, EADD, EEXTEND, UNMEASRD; padded with zeros     |
 * |   0x08 |   56 | as measured, see EnclaveMeasurement; UNMEASRD as EEXTEND     |
 * |   0x40 |  256 | data, after EEXTEND and UNMEASRD only                        |
 *
 * An UNSIZED record stands where ECREATE should while the enclave's size is not decided; such a file has no MRENCLAVE
 * and is refused. Whether the records come in an order that builds an enclave is for whoever replays them.
 *
 * @throws {FormatError} `ERR_FORMAT_TRUNCATED`; `ERR_FORMAT_VALUE` for another tag, or bytes that should be zero
 * @see docs/formats/mrenclave.md
 */
export function* parseSgxs(bytes: Uint8Array): Generator<SgxsRecord, void, undefined> {
  const reader = new ByteReader(bytes, 'sgxs')
  for (let index = 0; reader.left > 0; index++) {
    const length = Math.min(RECORD_BYTES, reader.left)
    const record = parseRecord(reader.nested(`record[${index}]`, length))
    if (record.type === 'ecreate' || record.type === 'eadd') yield record
    else yield { ...record, data: reader.bytes(`record[${index}].data`, CHUNK_BYTES) }
  }
}

/**
 * MRENCLAVE of an SGXS file: its records are replayed, its unmeasured data is skipped.
 *
 * @throws {FormatError} as `parseSgxs`
 * @throws {SgxError} `ERR_SGX_MEASUREMENT_*` for records that do not build an enclave
 */
export function measureSgxs(bytes: Uint8Array): Uint8Array {
  const measurement = new EnclaveMeasurement()
  for (const record of parseSgxs(bytes)) {
    if (record.type === 'ecreate') measurement.ecreate(record.ssaFrameSize, record.size)
    else if (record.type === 'eadd') measurement.eadd(record.offset, record.secinfoFlags)
    else if (record.type === 'eextend') measurement.eextend(record.offset, record.data)
  }
  return measurement.mrEnclave()
}

const RECORD_BYTES = 64

type WithoutData =
  | Exclude<SgxsRecord, { readonly data: Uint8Array }>
  | { readonly type: 'eextend' | 'unmeasrd'; readonly offset: bigint }

function parseRecord(reader: ByteReader): WithoutData {
  const tag = new TextDecoder('latin1').decode(reader.bytes('tag', 8))
  switch (tag) {
    case 'ECREATE\0': {
      const ssaFrameSize = reader.u32le('ssaFrameSize')
      return zeroRest(reader, { type: 'ecreate', ssaFrameSize, size: reader.u64le('size') })
    }
    case 'EADD\0\0\0\0': {
      const offset = reader.u64le('offset')
      return zeroRest(reader, { type: 'eadd', offset, secinfoFlags: reader.u64le('secinfo.flags') })
    }
    case 'EEXTEND\0':
      return zeroRest(reader, { type: 'eextend', offset: reader.u64le('offset') })
    case 'UNMEASRD':
      return zeroRest(reader, { type: 'unmeasrd', offset: reader.u64le('offset') })
    case 'UNSIZED\0':
      throw reader.refuse('tag', 8, 'UNSIZED: the enclave is not finished; give it a size first')
    default:
      throw reader.refuse('tag', 8, 'want ECREATE, EADD, EEXTEND or UNMEASRD; is this SGXS?')
  }
}

/** What is not a field is zero: it is measured, so anything else would be another enclave. */
function zeroRest(reader: ByteReader, record: WithoutData): WithoutData {
  reader.expectBytes('zeros', new Uint8Array(RECORD_BYTES - reader.position))
  return record
}
