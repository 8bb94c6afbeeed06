import { deepEqual, equal, ok } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { z } from 'zod'
import { sha256Hex } from './digest.ts'
import { compressions, type LayerContent, writeLayer } from './layer.ts'
import { type ImageDescription, writeArchive, writeLayout } from './layout.ts'

const folder = await mkdtemp(join(tmpdir(), 'alcove-layout-'))
after(() => rm(folder, { recursive: true }))

const content: LayerContent = {
  name: 'a layer',
  time: 1_700_000_000,
  entries: [{ path: 'opt/a', kind: 'file', bytes: Buffer.from('bytes '.repeat(1000)) }],
}
const description: ImageDescription = {
  reference: 'alcove.dev/alcove:1.2.3',
  tag: '1.2.3',
  time: 1_700_000_000,
  user: '65532:65532',
  workingDirectory: '/opt/alcove',
  path: '/usr/local/bin',
  entrypoint: ['/usr/local/bin/alcove-node'],
  labels: { 'org.opencontainers.image.title': 'alcove' },
}

async function layoutOf(
  name: string,
  compression: (typeof compressions)[number],
  cache: string | undefined = join(folder, 'cache'),
) {
  return await writeLayout(join(folder, name), description, async blobs => [
    await writeLayer(content, {
      compression,
      blobs,
      cache,
      onProgress: () => undefined,
    }),
  ])
}

const Index = z.object({
  manifests: z.tuple([
    z.object({
      digest: z.string(),
      size: z.number(),
      annotations: z.record(z.string(), z.string()),
    }),
  ]),
})
const Config = z.object({
  created: z.string(),
  rootfs: z.object({ diff_ids: z.array(z.string()) }),
})
const Manifest = z.object({
  config: z.object({ digest: z.string() }),
  layers: z.array(z.object({ digest: z.string(), size: z.number() })),
})

async function json(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, 'utf8'))
}

const decompress = {
  none: (bytes: Uint8Array) => bytes,
  gzip: (bytes: Uint8Array) => gunzipSync(bytes),
  zstd: (bytes: Uint8Array) => zstdDecompressSync(bytes),
}

for (const compression of compressions) {
  test(`${compression}: every blob is named by its hash, and found from the index`, async () => {
    const { digest, layers } = await layoutOf(compression, compression)
    const blobs = join(folder, compression, 'blobs/sha256')
    for (const name of await readdir(blobs))
      equal(sha256Hex(await readFile(join(blobs, name))), name)
    const index = Index.parse(await json(join(folder, compression, 'index.json')))
    const [named] = index.manifests
    equal(named.digest, digest)
    deepEqual(named.annotations, {
      'io.containerd.image.name': 'alcove.dev/alcove:1.2.3',
      'org.opencontainers.image.ref.name': '1.2.3',
    })
    const blobOf = (one: string): string => join(blobs, one.replace('sha256:', ''))
    const manifest = Manifest.parse(await json(blobOf(digest)))
    const config = Config.parse(await json(blobOf(manifest.config.digest)))
    equal(config.created, '2023-11-14T22:13:20Z')
    const [layer] = layers
    ok(layer !== undefined)
    deepEqual(
      manifest.layers.map(one => [one.digest, one.size]),
      [[layer.digest, layer.bytes]],
    )
    deepEqual(config.rootfs.diff_ids, [layer.diffId])
    const archive = decompress[compression](await readFile(blobOf(layer.digest)))
    equal(`sha256:${sha256Hex(archive)}`, layer.diffId)
    equal(archive.byteLength, layer.archiveBytes)
  })

  test(`${compression}: written twice, into two places, from the cache or afresh, it is the same`, async () => {
    const first = await layoutOf(`${compression}-1`, compression)
    const second = await layoutOf(`${compression}-2`, compression)
    deepEqual(first, second)
    const afresh = await layoutOf(
      `${compression}-1`,
      compression,
      join(folder, 'empty', compression),
    )
    deepEqual(afresh, first)
  })
}

test('skopeo, where it is installed, copies the layout by its tag, and the archive of it', async t => {
  if (spawnSync('skopeo', ['--version']).error !== undefined) {
    t.skip('this machine has no skopeo')
    return
  }
  const { digest } = await layoutOf('copied', 'zstd')
  const archive = join(folder, 'image.tar')
  await writeArchive(join(folder, 'copied'), archive)
  for (const source of [`oci:${join(folder, 'copied')}:1.2.3`, `oci-archive:${archive}:1.2.3`]) {
    const { status, stdout, stderr } = spawnSync('skopeo', ['inspect', source], {
      encoding: 'utf8',
      timeout: 60_000,
    })
    equal(status, 0, stderr)
    const inspected: unknown = JSON.parse(stdout)
    equal(z.object({ Digest: z.string() }).parse(inspected).Digest, digest)
    const target = `dir:${join(folder, sha256Hex(Buffer.from(source)))}`
    equal(spawnSync('skopeo', ['copy', '--insecure-policy', source, target]).status, 0)
  }
})
