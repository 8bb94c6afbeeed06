import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { copyFile, mkdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, Readable, type Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { constants, createGzip, createZstdCompress } from 'node:zlib'
import { type Entry, tarBytes, tarPieces } from './tar.ts'

export const compressions = ['zstd', 'gzip', 'none'] as const
export type Compression = (typeof compressions)[number]

/** A layer as its manifest and configuration name it. Digests are `sha256:` and hex. */
export interface Layer {
  readonly name: string
  readonly mediaType: string
  /** Of the blob, compressed as asked. */
  readonly digest: string
  /** Of the blob. */
  readonly bytes: number
  /** Of the archive within. */
  readonly diffId: string
  readonly archiveBytes: number
}

export interface LayerContent {
  readonly name: string
  readonly entries: readonly Entry[]
  /** Of its entries, in seconds since 1970. */
  readonly time: number
}

export interface LayerDeps {
  readonly compression: Compression
  /** The layout's folder of blobs. */
  readonly blobs: string
  /** Folder that keeps what took long to compress; `undefined` keeps nothing. */
  readonly cache: string | undefined
  readonly onProgress: (line: string) => void
}

const MEDIA_TYPES = {
  none: 'application/vnd.oci.image.layer.v1.tar',
  gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
} as const
// Without ZSTD_c_nbWorkers: Node 26.10's stream ends too early with it (ERR_STREAM_PUSH_AFTER_EOF).
const ZSTD_LEVEL = 19
const GZIP_LEVEL = 9
/** Of archive between two lines of progress. */
const PROGRESS_BYTES = 16 * 2 ** 20

/** Writes a layer's blob. The same entries and compression give the same bytes. */
export async function writeLayer(content: LayerContent, deps: LayerDeps): Promise<Layer> {
  const { compression, cache, blobs } = deps
  const archiveBytes = tarBytes(content.entries)
  const hash = createHash('sha256')
  for (const piece of tarPieces(content.entries, content.time)) hash.update(piece)
  const diffId = hash.digest('hex')
  const draft = join(blobs, `.${diffId}.${compression}`)
  const kept = cache === undefined ? undefined : join(cache, `${diffId}.${keyOf(compression)}`)
  if (kept !== undefined && (await isFile(kept))) {
    deps.onProgress(`${content.name}: compressed before, from ${kept}`)
    await copyFile(kept, draft)
  } else {
    await compress(content, archiveBytes, draft, deps)
    if (kept !== undefined) await keep(draft, kept)
  }
  const digest = await digestOfFile(draft)
  await rename(draft, join(blobs, digest))
  const { size } = await stat(join(blobs, digest))
  return {
    name: content.name,
    mediaType: MEDIA_TYPES[compression],
    digest: `sha256:${digest}`,
    bytes: size,
    diffId: `sha256:${diffId}`,
    archiveBytes,
  }
}

/** What, beside the archive, decides on the bytes. */
function keyOf(compression: Compression): string {
  const { zstd = '', zlib = '' } = process.versions
  if (compression === 'zstd') return `zstd-${ZSTD_LEVEL}-${zstd}`
  return compression === 'gzip' ? `gzip-${GZIP_LEVEL}-${zlib}` : 'tar'
}

function compressor(compression: Compression, archiveBytes: number): Transform {
  if (compression === 'none') return new PassThrough()
  if (compression === 'gzip') return createGzip({ level: GZIP_LEVEL })
  return createZstdCompress({
    pledgedSrcSize: archiveBytes,
    params: {
      [constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL,
      [constants.ZSTD_c_checksumFlag]: 1,
    },
  })
}

async function compress(
  { name, entries, time }: LayerContent,
  archiveBytes: number,
  file: string,
  { compression, onProgress }: LayerDeps,
): Promise<void> {
  const slow = compression !== 'none' && archiveBytes > PROGRESS_BYTES
  function* told(): Generator<Uint8Array> {
    let done = 0
    let next = slow ? 0 : Number.POSITIVE_INFINITY
    for (const piece of tarPieces(entries, time)) {
      for (let start = 0; start < piece.byteLength; start += 2 ** 20) {
        if (done >= next) {
          onProgress(`${name}: ${compression}, ${Math.floor((100 * done) / archiveBytes)} %`)
          next += PROGRESS_BYTES
        }
        const part = piece.subarray(start, start + 2 ** 20)
        done += part.byteLength
        yield part
      }
    }
  }
  await pipeline(
    Readable.from(told(), { objectMode: true, highWaterMark: 1 }),
    compressor(compression, archiveBytes),
    createWriteStream(file),
  )
}

async function keep(file: string, kept: string): Promise<void> {
  await mkdir(join(kept, '..'), { recursive: true })
  const draft = `${kept}.${process.pid}`
  try {
    await copyFile(file, draft)
    await rename(draft, kept)
  } finally {
    await rm(draft, { force: true })
  }
}

async function isFile(path: string): Promise<boolean> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  return found?.isFile() === true
}

async function digestOfFile(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}
