import { createWriteStream } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { sha256Hex } from './digest.ts'
import type { Layer } from './layer.ts'
import { type Entry, tarPieces } from './tar.ts'

/** What an image is, beside its layers. */
export interface ImageDescription {
  /** `alcove.dev/alcove:0.1.0`: containerd's name for it. */
  readonly reference: string
  /** The part behind the colon, by which it is named within the layout. */
  readonly tag: string
  /** In seconds since 1970. */
  readonly time: number
  readonly user: string
  readonly workingDirectory: string
  readonly path: string
  readonly entrypoint: readonly string[]
  readonly labels: Readonly<Record<string, string>>
}

interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

/**
 * Writes an OCI image layout: `oci-layout`, `index.json`, and under `blobs/sha256` configuration, manifest and layers. It
 * takes the folder's place only when it is whole.
 *
 * @param writeLayers writes the layers' blobs into the folder that it is given
 * @returns the manifest's digest
 * @see docs/formats/oci-image.md
 */
export async function writeLayout(
  folder: string,
  description: ImageDescription,
  writeLayers: (blobs: string) => Promise<readonly Layer[]>,
): Promise<{ readonly digest: string; readonly layers: readonly Layer[] }> {
  const draft = join(dirname(folder), `.${basename(folder)}.${process.pid}`)
  await rm(draft, { recursive: true, force: true })
  try {
    const blobs = join(draft, 'blobs/sha256')
    await mkdir(blobs, { recursive: true })
    const layers = await writeLayers(blobs)
    const config = await writeBlob(blobs, CONFIG_TYPE, configOf(description, layers))
    const manifest = await writeBlob(blobs, MANIFEST_TYPE, {
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      config,
      layers: layers.map(({ mediaType, digest, bytes, name }) => ({
        mediaType,
        digest,
        size: bytes,
        annotations: { 'org.opencontainers.image.title': name },
      })),
      annotations: description.labels,
    })
    await writeJson(join(draft, 'index.json'), indexOf(description, manifest))
    await writeJson(join(draft, 'oci-layout'), { imageLayoutVersion: '1.0.0' })
    await rm(folder, { recursive: true, force: true })
    await rename(draft, folder)
    return { digest: manifest.digest, layers }
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json'
const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json'
const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json'
const PLATFORM = { architecture: 'amd64', os: 'linux' } as const

function configOf(description: ImageDescription, layers: readonly Layer[]): unknown {
  const created = new Date(description.time * 1000).toISOString().replace('.000', '')
  return {
    created,
    ...PLATFORM,
    config: {
      User: description.user,
      Env: [`PATH=${description.path}`],
      Entrypoint: description.entrypoint,
      WorkingDir: description.workingDirectory,
      Labels: description.labels,
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(({ name }) => ({ created, created_by: `alcove image: ${name}` })),
  }
}

function indexOf({ reference, tag }: ImageDescription, manifest: Descriptor): unknown {
  const annotations = {
    'io.containerd.image.name': reference,
    'org.opencontainers.image.ref.name': tag,
  }
  return {
    schemaVersion: 2,
    mediaType: INDEX_TYPE,
    manifests: [{ ...manifest, platform: PLATFORM, annotations }],
  }
}

async function writeBlob(blobs: string, mediaType: string, content: unknown): Promise<Descriptor> {
  const bytes = Buffer.from(JSON.stringify(content))
  const hex = sha256Hex(bytes)
  await writeFile(join(blobs, hex), bytes)
  return { mediaType, digest: `sha256:${hex}`, size: bytes.byteLength }
}

async function writeJson(file: string, content: unknown): Promise<void> {
  await writeFile(file, JSON.stringify(content))
}

/** Writes a layout as the one file that `ctr images import`, `docker load` and `podman load` read. */
export async function writeArchive(layout: string, file: string): Promise<void> {
  const paths = (await readdir(layout, { recursive: true, withFileTypes: true }))
    .filter(entry => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
  const entries: Entry[] = []
  for (const path of paths) {
    entries.push({ path: relative(layout, path), kind: 'file', bytes: await readFile(path) })
  }
  await pipeline(Readable.from(tarPieces(entries, 0)), createWriteStream(file))
}
