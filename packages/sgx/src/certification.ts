import { ByteReader, ByteWriter, FormatError } from '@alcove/bytes'
import type { Certification } from './quote.ts'

/** What a quote's certification data says, by its type. */
export type CertificationData =
  | ({ readonly type: 1 /** 16 bytes. */; readonly ppid: Uint8Array } & PckTcb)
  | ({ readonly type: 2 /** 256 bytes. */; readonly encryptedPpid: Uint8Array } & PckTcb)
  | ({ readonly type: 3 /** 384 bytes. */; readonly encryptedPpid: Uint8Array } & PckTcb)
  | { readonly type: 4 /** PEM. */; readonly certificate: Uint8Array }
  | {
      readonly type: 5
      /** PEM, in no guaranteed order; may end in NUL. */
      readonly chain: Uint8Array
    }
  | { readonly type: 7; readonly platformManifest: Uint8Array }

/** What else of a platform names its PCK certificate: as Intel's PCS is asked for it. */
export interface PckTcb {
  /** 16 bytes. */
  readonly cpuSvn: Uint8Array
  readonly pceSvn: number
  /** 2 bytes; the PCS takes them as hex in this order. The first quoting enclaves left it out. */
  readonly pceId?: Uint8Array
}

/** Of types 2 and 3, which are RSA-OAEP with 2048 and 3072 bits. */
const ENCRYPTED_PPID_BYTES = { 2: 256, 3: 384 } as const

/**
 * Reads certification data. Byte fields are views of the input; PEM is not read, an encrypted PPID not decrypted.
 *
 * | type | offset | size | field            |
 * | ---: | -----: | ---: | ---------------- |
 * |    1 |   0x00 |   16 | ppid             |
 * |    2 |   0x00 |  256 | encryptedPpid    |
 * |    3 |   0x00 |  384 | encryptedPpid    |
 * |  1–3 |      … |   16 | cpuSvn           |
 * |  1–3 |      … |    2 | pceSvn           |
 * |  1–3 |      … |    2 | pceId, or none   |
 * |    4 |   0x00 |    n | certificate      |
 * |    5 |   0x00 |    n | chain            |
 * |    7 |   0x00 |    n | platformManifest |
 *
 * @throws {FormatError} `ERR_FORMAT_TRUNCATED`, `ERR_FORMAT_TRAILING` for types 1 to 3; `ERR_FORMAT_VALUE` for another
 *   type: 6, a QE report with such data, is what a quote of version 4 or 5 has around it, and `parseQuote` reads it
 * @see docs/formats/quote.md
 */
export function parseCertification({ type, data }: Certification): CertificationData {
  if (type === 4) return { type, certificate: data }
  if (type === 5) return { type, chain: data }
  if (type === 7) return { type, platformManifest: data }
  if (type !== 1 && type !== 2 && type !== 3) {
    const detail = `type ${type} does not say what names the PCK; want 1 to 5, or 7`
    throw new FormatError('ERR_FORMAT_VALUE', 'certification.type', 0, detail)
  }
  const reader = new ByteReader(data, 'certification.data')
  if (type === 1) return { type, ppid: reader.bytes('ppid', 16), ...parsePckTcb(reader) }
  const encryptedPpid = reader.bytes('encryptedPpid', ENCRYPTED_PPID_BYTES[type])
  return { type, encryptedPpid, ...parsePckTcb(reader) }
}

function parsePckTcb(reader: ByteReader): PckTcb {
  const cpuSvn = reader.bytes('cpuSvn', 16)
  const pceSvn = reader.u16le('pceSvn')
  if (reader.left === 0) return { cpuSvn, pceSvn }
  const pceId = reader.bytes('pceId', 2)
  reader.end()
  return { cpuSvn, pceSvn, pceId }
}

/**
 * Certification data as a quote carries it.
 *
 * @throws {FormatError} `ERR_FORMAT_VALUE` for a value that does not fit its field
 * @see docs/formats/quote.md
 */
export function encodeCertification(certification: CertificationData): Certification {
  const { type } = certification
  const writer = new ByteWriter('certification.data')
  switch (type) {
    case 1:
      return {
        type,
        data: writePckTcb(writer.bytes('ppid', certification.ppid, 16), certification),
      }
    case 2:
    case 3:
      writer.bytes('encryptedPpid', certification.encryptedPpid, ENCRYPTED_PPID_BYTES[type])
      return { type, data: writePckTcb(writer, certification) }
    case 4:
      return { type, data: certification.certificate }
    case 5:
      return { type, data: certification.chain }
    case 7:
      return { type, data: certification.platformManifest }
  }
}

function writePckTcb(writer: ByteWriter, tcb: PckTcb): Uint8Array {
  writer.bytes('cpuSvn', tcb.cpuSvn, 16).u16le('pceSvn', tcb.pceSvn)
  if (tcb.pceId !== undefined) writer.bytes('pceId', tcb.pceId, 2)
  return writer.done()
}
