import { ImageError } from './image-error.ts'

/** What an archive has at a path. */
export type EntryContent =
  | { readonly kind: 'file'; readonly bytes: Uint8Array }
  | { readonly kind: 'directory' }
  | { readonly kind: 'symlink'; readonly target: string }

/** One entry. Its owner, mode and time are what is asked for, never what the building machine has. */
export type Entry = EntryContent & {
  /** Without a slash at either end. */
  readonly path: string
  /** 0644 for a file, 0755 for a directory unless told. */
  readonly mode?: number
  /** 0 unless told, and so is the group. */
  readonly uid?: number
}

const BLOCK = 512
const TYPES = { file: '0', symlink: '2', directory: '5' } as const
const MODES = { file: 0o644, symlink: 0o777, directory: 0o755 } as const

/**
 * The archive of some entries, piece by piece: POSIX ustar, sorted by path in code units, one time for all, no names of
 * owners. The directories that entries lie in are added. The same entries give the same bytes, in whatever order they come.
 *
 * @param time of every entry, in seconds since 1970
 * @throws {ImageError} `ERR_IMAGE_ENTRY` for a path that ustar cannot hold, or two entries at one path
 */
export function* tarPieces(entries: readonly Entry[], time: number): Generator<Uint8Array> {
  for (const entry of inOrder(entries)) {
    yield header(entry, time)
    if (entry.kind !== 'file') continue
    yield entry.bytes
    yield new Uint8Array(padding(entry.bytes.byteLength))
  }
  yield new Uint8Array(2 * BLOCK)
}

/** Bytes of the archive. */
export function tarBytes(entries: readonly Entry[]): number {
  return inOrder(entries).reduce((sum, entry) => {
    const length = entry.kind === 'file' ? entry.bytes.byteLength : 0
    return sum + BLOCK + length + padding(length)
  }, 2 * BLOCK)
}

function padding(length: number): number {
  return (BLOCK - (length % BLOCK)) % BLOCK
}

function inOrder(entries: readonly Entry[]): readonly Entry[] {
  const all = new Map<string, Entry>()
  for (const entry of entries) {
    if (all.has(entry.path)) {
      throw new ImageError('ERR_IMAGE_ENTRY', `two entries at ${entry.path}`)
    }
    all.set(entry.path, entry)
  }
  for (const { path } of entries) {
    const parts = path.split('/')
    for (let depth = 1; depth < parts.length; depth++) {
      const parent = parts.slice(0, depth).join('/')
      if (!all.has(parent)) all.set(parent, { path: parent, kind: 'directory' })
    }
  }
  return [...all.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

/**
 * | offset | size | field    | here                                      |
 * | -----: | ---: | -------- | ----------------------------------------- |
 * |      0 |  100 | name     | the path, or what follows its prefix      |
 * |    100 |    8 | mode     | octal                                     |
 * |    108 |    8 | uid      | octal                                     |
 * |    116 |    8 | gid      | as uid                                    |
 * |    124 |   12 | size     | octal                                     |
 * |    136 |   12 | mtime    | octal                                     |
 * |    148 |    8 | chksum   | sum of all bytes, this field as spaces    |
 * |    156 |    1 | typeflag | 0, 2 or 5                                 |
 * |    157 |  100 | linkname | a symbolic link's target                  |
 * |    257 |    8 | magic    | `ustar\0` and version `00`                |
 * |    265 |   80 | owners   | uname, gname, devmajor, devminor: empty   |
 * |    345 |  155 | prefix   | the path's first part, where it is long   |
 * |    500 |   12 | (rest)   | zero                                      |
 *
 * @see IEEE Std 1003.1-2017, pax, "ustar Interchange Format"
 */
function header(entry: Entry, time: number): Uint8Array {
  const { prefix, name } = split(entry.kind === 'directory' ? `${entry.path}/` : entry.path)
  const target = entry.kind === 'symlink' ? entry.target : ''
  const size = entry.kind === 'file' ? entry.bytes.byteLength : 0
  const fields: readonly (readonly [text: string, length: number])[] = [
    [name, 100],
    [octal(entry.mode ?? MODES[entry.kind], 8), 8],
    [octal(entry.uid ?? 0, 8), 8],
    [octal(entry.uid ?? 0, 8), 8],
    [octal(size, 12), 12],
    [octal(time, 12), 12],
    [' '.repeat(8), 8],
    [TYPES[entry.kind], 1],
    [target, 100],
    ['ustar\x0000', 8],
    ['', 80],
    [prefix, 155],
    ['', 12],
  ]
  const block = Buffer.concat(fields.map(([text, length]) => field(entry.path, text, length)))
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${octal(sum, 7)}\0 `, 148, 'latin1')
  return block
}

function octal(value: number, length: number): string {
  return value.toString(8).padStart(length - 1, '0')
}

function field(path: string, text: string, length: number): Buffer {
  const bytes = Buffer.from(text)
  if (bytes.byteLength > length) {
    throw new ImageError('ERR_IMAGE_ENTRY', `${path}: ${text} is over ${length} bytes`)
  }
  return Buffer.concat([bytes, Buffer.alloc(length - bytes.byteLength)])
}

/** Where the path is cut: at the last slash that leaves a prefix of at most 155 bytes. */
function split(path: string): { readonly prefix: string; readonly name: string } {
  if (Buffer.byteLength(path) <= 100) return { prefix: '', name: path }
  const cut = path.lastIndexOf('/', Math.min(155, path.length - 2))
  return { prefix: path.slice(0, Math.max(cut, 0)), name: path.slice(cut + 1) }
}
