import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { sha256Hex } from '../../tools/image/digest.ts'

const Described = z.looseObject({
  digest: z.string(),
  annotations: z.record(z.string(), z.string()),
})
const Index = z.looseObject({ manifests: z.tuple([Described], Described) })
const Manifest = z.looseObject({ config: z.looseObject({ digest: z.string() }) })
const Config = z.looseObject({ config: z.looseObject({ Entrypoint: z.array(z.string()) }) })

/**
 * Adds to an OCI layout an image of the same layers with another name and entrypoint, as the Dockerfile of an
 * application would make it.
 */
export async function addDerivedImage(
  layout: string,
  { reference, entrypoint }: { reference: string; entrypoint: readonly string[] },
): Promise<void> {
  const blobs = join(layout, 'blobs/sha256')
  const read = async (digest: string): Promise<unknown> =>
    JSON.parse(await readFile(join(blobs, digest.slice('sha256:'.length)), 'utf8'))
  const index = Index.parse(JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')))
  const [described] = index.manifests
  const manifest = Manifest.parse(await read(described.digest))
  const config = Config.parse(await read(manifest.config.digest))
  config.config.Entrypoint = [...entrypoint]
  Object.assign(manifest.config, await writeBlob(blobs, config))
  index.manifests.push({
    ...described,
    ...(await writeBlob(blobs, manifest)),
    annotations: {
      'io.containerd.image.name': reference,
      'org.opencontainers.image.ref.name': reference.slice(reference.lastIndexOf(':') + 1),
    },
  })
  await writeFile(join(layout, 'index.json'), JSON.stringify(index))
}

async function writeBlob(
  blobs: string,
  value: unknown,
): Promise<{ readonly digest: string; readonly size: number }> {
  const bytes = new TextEncoder().encode(JSON.stringify(value))
  const hex = sha256Hex(bytes)
  await writeFile(join(blobs, hex), bytes)
  return { digest: `sha256:${hex}`, size: bytes.byteLength }
}
