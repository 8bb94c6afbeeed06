import { ByteWriter, concatBytes } from '@alcove/bytes'
import { EnclaveMeasurement, SecinfoFlag } from '@alcove/sgx'
import { SimulatorError } from '../simulator-error.ts'
import {
  type EnclaveFile,
  type EnclaveFolder,
  type EnclaveManifest,
  readEnclaveFiles,
} from './manifest.ts'
import { simulatedMrSigner } from './signer.ts'

/** Consecutive pages of an enclave, from `offset`. */
export type PageRun =
  | { readonly offset: number; readonly secinfoFlags: number; readonly content: Uint8Array }
  | { readonly offset: number; readonly secinfoFlags: number; readonly count: number }

/** How an enclave is built: every operand of its ECREATE and EADDs, in order. */
export interface EnclaveLayout {
  readonly sizeBytes: number
  readonly ssaFrameSize: number
  /** EPC pages that the enclave takes: its SECS and every page added. */
  readonly pages: number
  readonly runs: readonly PageRun[]
}

/** What a relying party learns from a manifest and its files, with no platform at hand. */
export interface ManifestMeasurement {
  readonly mrEnclave: Uint8Array
  readonly mrSigner: Uint8Array
  /** EPC that the enclave takes, in bytes. */
  readonly epcBytes: number
}

/** What the layout needs of a manifest: the parts that enter MRENCLAVE. */
export type MeasuredManifest = Pick<EnclaveManifest, 'name' | 'main' | 'heapMiB'>

const pageBytes = 4096
const chunkBytes = 256
const pagesPerMiB = 256
const maxFilesBytes = 64 * 2 ** 20
const ssaFrameSize = 1
const { read, write, execute, regular } = SecinfoFlag
const readOnly = Number(regular | read)
const readExecute = Number(regular | read | execute)
const readWrite = Number(regular | read | write)

/**
 * MRENCLAVE and MRSIGNER of the enclave that `manifest` and the folder's files make, computed without a platform.
 *
 * @throws {SimulatorError} `ERR_SIMULATOR_MANIFEST`
 * @see docs/formats/simulated-enclave.md
 */
export async function measureManifest(
  manifest: EnclaveManifest,
  folder: EnclaveFolder,
): Promise<ManifestMeasurement> {
  const layout = layOutEnclave(manifest, await readEnclaveFiles(manifest, folder))
  return {
    mrEnclave: measureLayout(layout),
    mrSigner: simulatedMrSigner(manifest.signer),
    epcBytes: layout.pages * pageBytes,
  }
}

/**
 * The pages of an enclave: a head page; for each file, in the byte order of its path, a page that names it and its
 * content; the heap.
 *
 * @throws {SimulatorError} `ERR_SIMULATOR_MANIFEST` for more than 64 MiB of files
 * @see docs/formats/simulated-enclave.md
 */
export function layOutEnclave(
  manifest: MeasuredManifest,
  files: readonly EnclaveFile[],
): EnclaveLayout {
  const filesBytes = files.reduce((total, file) => total + file.content.byteLength, 0)
  if (filesBytes > maxFilesBytes) {
    const message = `enclave.json: files: ${filesBytes} bytes are more than the ${maxFilesBytes} that can be measured`
    throw new SimulatorError('ERR_SIMULATOR_MANIFEST', message)
  }
  const runs: PageRun[] = []
  let offset = 0
  const add = (secinfoFlags: number, content: Uint8Array) => {
    if (content.byteLength > 0) runs.push({ offset, secinfoFlags, content })
    offset += content.byteLength
  }
  add(readOnly, headPage(manifest, files.length))
  for (const file of inPathOrder(files)) {
    add(readOnly, filePage(file))
    add(readExecute, toWholePages(file.content))
  }
  const count = manifest.heapMiB * pagesPerMiB
  if (count > 0) runs.push({ offset, secinfoFlags: readWrite, count })
  const addedPages = offset / pageBytes + count
  return { sizeBytes: enclosingSize(addedPages), ssaFrameSize, pages: 1 + addedPages, runs }
}

/** MRENCLAVE of a layout. */
export function measureLayout(layout: EnclaveLayout): Uint8Array {
  const measurement = new EnclaveMeasurement()
  measurement.ecreate(layout.ssaFrameSize, BigInt(layout.sizeBytes))
  for (const run of layout.runs) {
    const end = run.offset + ('count' in run ? run.count * pageBytes : run.content.byteLength)
    for (let page = run.offset; page < end; page += pageBytes) {
      measurement.eadd(BigInt(page), BigInt(run.secinfoFlags))
      if ('content' in run) extend(measurement, run.content, run.offset, page)
    }
  }
  return measurement.mrEnclave()
}

function extend(
  to: EnclaveMeasurement,
  content: Uint8Array,
  runOffset: number,
  page: number,
): void {
  for (let offset = page; offset < page + pageBytes; offset += chunkBytes) {
    const start = offset - runOffset
    to.eextend(BigInt(offset), content.subarray(start, start + chunkBytes))
  }
}

function headPage({ name, main }: MeasuredManifest, files: number): Uint8Array {
  const writer = new ByteWriter('head')
    .bytes('magic', ascii('ALCOVE ENCLAVE\0\0'), 16)
    .u32le('version', 1)
    .u32le('files', files)
  return toWholePages(text(text(writer, 'name', name), 'main', main).done())
}

function filePage({ path, content }: EnclaveFile): Uint8Array {
  const writer = new ByteWriter('file')
    .bytes('magic', ascii('ALCOVE FILE\0\0\0\0\0'), 16)
    .u64le('contentBytes', BigInt(content.byteLength))
  return toWholePages(text(writer, 'path', path).done())
}

function text(writer: ByteWriter, field: string, value: string): ByteWriter {
  const bytes = ascii(value)
  return writer.u16le(`${field}Bytes`, bytes.byteLength).bytes(field, bytes, bytes.byteLength)
}

function ascii(value: string): Uint8Array {
  return new TextEncoder().encode(value)
}

function toWholePages(bytes: Uint8Array): Uint8Array {
  return concatBytes(bytes, new Uint8Array(-bytes.byteLength & (pageBytes - 1)))
}

function inPathOrder(files: readonly EnclaveFile[]): EnclaveFile[] {
  return files.toSorted((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)))
}

function enclosingSize(pages: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(2, pages))) * pageBytes
}
