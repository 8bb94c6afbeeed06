import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { alcoveArchive } from '../alcove/alcove-archive.ts'
import { installAlcove } from '../alcove/install.ts'
import { ensureTestImages } from '../build/busybox-image.ts'
import { cacheDirectory } from '../build/cache-directory.ts'
import { lockDirectory } from '../build/directory-lock.ts'
import type { Parts } from '../build/ensure-parts.ts'
import { importImage } from '../cluster/import-image.ts'
import type { ClusterLayout } from '../cluster/layout.ts'
import type { NodeSpec } from '../cluster/node-spec.ts'
import { writeRecord } from '../cluster/record.ts'
import { bringUp } from '../cluster/up.ts'
import type { CommandDeps } from './prepare.ts'

export interface OpenClusterOptions {
  readonly layout: ClusterLayout
  readonly nodes: readonly NodeSpec[]
  readonly parts: Parts
  /** Without Alcove's DaemonSets; its image is there all the same. */
  readonly bare: boolean
}

/** A cluster made anew from nothing, with our image on its nodes. */
export async function openCluster(options: OpenClusterOptions, deps: CommandDeps): Promise<void> {
  const { layout, nodes, parts, bare } = options
  const { environment, print, signal } = deps
  const started = Date.now()
  const onProgress = (text: string): void =>
    print(`${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s  ${text}`)
  const cache = cacheDirectory(environment)
  const onWait = (): void => print('waiting for another run that makes the test images')
  const testImages = await ensureTestImages({ cache, environment, signal, onWait })
  const folder = lockFolder(layout, environment)
  const archive = alcoveArchive({ environment, print, folder })
  archive.catch(() => undefined) // told below, when the cluster is up
  await bringUp({ layout, nodes, parts: { ...parts, images: testImages }, onProgress, signal })
  onProgress(`${nodes.length} nodes Ready`)
  const ours = await archive
  const names = nodes.map(({ name }) => name)
  await writeRecord(layout, { parts: { ...parts, images: [...testImages, ours] }, nodes: names })
  await Promise.all(names.map(name => importImage(layout, name, { ...parts, archive: ours })))
  onProgress('Alcove’s image imported')
  if (bare) return
  await installAlcove(layout, 'bytes')
  onProgress('Alcove ready')
}

/** A folder for whoever holds the cluster's lock, in the cache, where it stays when the cluster goes. */
function lockFolder({ name }: ClusterLayout, environment: CommandDeps['environment']): string {
  return join(cacheDirectory(environment), 'clusters', name)
}

/** Runs that open a cluster of the same name wait for each other: one by one they make it, or use it until they take it down. */
export async function lockCluster(
  layout: ClusterLayout,
  { print, signal, environment }: CommandDeps,
): Promise<AsyncDisposable> {
  const directory = lockFolder(layout, environment)
  await mkdir(directory, { recursive: true })
  return lockDirectory(directory, signal, () =>
    print(`waiting for another run on the cluster ${layout.name}`),
  )
}
