import { ByteReader } from '../../packages/bytes/src/index.ts'

/** What a program or library asks of the dynamic linker. */
export interface Linked {
  /** The dynamic linker's path: a program's, not a library's. */
  readonly interpreter: string | undefined
  /** Names of libraries, in the file's order. */
  readonly needed: readonly string[]
}

interface Segment {
  readonly type: number
  readonly offset: number
  readonly address: bigint
  readonly fileBytes: number
}

const PT_LOAD = 1
const PT_DYNAMIC = 2
const PT_INTERP = 3
const DT_NEEDED = 1n
const DT_STRTAB = 5n

/** Offset of `e_shoff`, of `e_shnum` and its neighbour, and the header's own length. */
const SECTION_TABLE_OFFSET = 0x28
const SECTION_COUNT = 0x3c
const HEADER_BYTES = 0x40

/**
 * Reads PT_INTERP and the DT_NEEDED entries of a 64-bit little-endian ELF file.
 *
 * @throws {FormatError} `ERR_FORMAT_TRUNCATED`, `ERR_FORMAT_VALUE`
 * @see System V ABI, gABI 4.1 chapters 4 (ELF header) and 5 (program header, dynamic section)
 */
export function readLinked(file: Uint8Array, name: string): Linked {
  const segments = readSegments(file, name)
  const entries = segments
    .filter(({ type }) => type === PT_DYNAMIC)
    .flatMap(segment => dynamicEntries(file, name, segment))
  const strings = entries.find(({ tag }) => tag === DT_STRTAB)?.value ?? 0n
  return {
    interpreter: segments
      .filter(({ type }) => type === PT_INTERP)
      .map(({ offset }) => textAt(file, `${name}.PT_INTERP`, offset))
      .at(0),
    needed: entries
      .filter(({ tag }) => tag === DT_NEEDED)
      .map(({ value }) =>
        textAt(file, `${name}.DT_NEEDED`, fileOffset(segments, name, strings + value)),
      ),
  }
}

/**
 * The program without what no segment covers: symbol table, debug information and the section headers that name them. What
 * is loaded stays byte for byte, the exported symbols too. `strip` does nearly the same, but its bytes depend on its version.
 *
 * @throws {FormatError} `ERR_FORMAT_TRUNCATED`, `ERR_FORMAT_VALUE`
 */
export function withoutSections(file: Uint8Array, name: string): Uint8Array {
  const end = readSegments(file, name).reduce(
    (last, { offset, fileBytes }) => Math.max(last, offset + fileBytes),
    HEADER_BYTES,
  )
  const loaded = file.slice(0, end)
  loaded.fill(0, SECTION_TABLE_OFFSET, SECTION_TABLE_OFFSET + 8)
  loaded.fill(0, SECTION_COUNT, HEADER_BYTES)
  return loaded
}

/**
 * | offset | size | field         |        | program header | size |
 * | -----: | ---: | ------------- | -----: | -------------- | ---: |
 * |   0x00 |    6 | magic, class, byte order | 0x00 | p_type |    4 |
 * |   0x06 |   26 | version … entry |  0x04 | p_flags        |    4 |
 * |   0x20 |    8 | e_phoff       |   0x08 | p_offset       |    8 |
 * |   0x28 |   14 | e_shoff … e_ehsize | 0x10 | p_vaddr     |    8 |
 * |   0x36 |    2 | e_phentsize   |   0x18 | p_paddr        |    8 |
 * |   0x38 |    2 | e_phnum       |   0x20 | p_filesz       |    8 |
 * |   0x3a |    6 | e_shentsize, e_shnum, e_shstrndx | 0x28 | p_memsz, p_align | 16 |
 */
function readSegments(file: Uint8Array, name: string): readonly Segment[] {
  const reader = new ByteReader(file, name)
  reader.expectBytes('magic', Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1))
  reader.bytes('version to entry', 26)
  const table = Number(reader.u64le('e_phoff'))
  reader.bytes('e_shoff to e_ehsize', 14)
  reader.expectU16le('e_phentsize', 56)
  const count = reader.u16le('e_phnum')
  const headers = readerAt(file, name, 'program headers', table)
  return Array.from({ length: count }, () => {
    const type = headers.u32le('p_type')
    headers.bytes('p_flags', 4)
    const offset = Number(headers.u64le('p_offset'))
    const address = headers.u64le('p_vaddr')
    headers.bytes('p_paddr', 8)
    const fileBytes = Number(headers.u64le('p_filesz'))
    headers.bytes('p_memsz, p_align', 16)
    readerAt(file, name, 'segment', offset).bytes('bytes', fileBytes)
    return { type, offset, address, fileBytes }
  })
}

function dynamicEntries(
  file: Uint8Array,
  name: string,
  { offset, fileBytes }: Segment,
): readonly { readonly tag: bigint; readonly value: bigint }[] {
  const reader = readerAt(file, name, 'dynamic section', offset).nested('entries', fileBytes)
  const entries = []
  while (reader.left > 0) entries.push({ tag: reader.u64le('d_tag'), value: reader.u64le('d_val') })
  return entries
}

/** Where in the file the byte is that is loaded at an address. */
function fileOffset(segments: readonly Segment[], name: string, address: bigint): number {
  for (const { type, offset, address: start, fileBytes } of segments) {
    const within = address - start
    if (type === PT_LOAD && within >= 0n && within < fileBytes) return offset + Number(within)
  }
  throw new ByteReader(new Uint8Array(0), name).refuse(
    'DT_STRTAB',
    0,
    `no segment has the address 0x${address.toString(16)}`,
  )
}

function readerAt(file: Uint8Array, name: string, field: string, offset: number): ByteReader {
  const reader = new ByteReader(file, name)
  reader.bytes(`before the ${field}`, offset)
  return reader
}

/** The text up to the next zero byte. */
function textAt(file: Uint8Array, name: string, offset: number): string {
  const rest = readerAt(file, name, 'text', offset).rest('text')
  const end = rest.indexOf(0)
  if (end < 0) throw new ByteReader(rest, name, offset).refuse('text', 0, 'it does not end')
  return new TextDecoder().decode(rest.subarray(0, end))
}
