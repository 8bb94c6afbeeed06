import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from 'zod'
import { writeLayer } from '../../tools/image/layer.ts'
import { writeArchive, writeLayout } from '../../tools/image/layout.ts'
import type { ClusterLayout } from '../cluster/layout.ts'
import { waitForObject } from '../kube/wait.ts'
import { applied, manifest } from './manifests.ts'
import type { NodeHandle, World } from './world.ts'

/** Where `npm run e2e` puts a link to the program, which only some stories need. */
export function metricsServerProgram({ state }: ClusterLayout): string {
  return join(state, 'metrics-server')
}

const ApiService = z.object({
  status: z
    .object({ conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]) })
    .default({ conditions: [] }),
})

/** metrics-server on the cluster, answering, until disposed of. */
export async function openMetricsServer(
  world: World,
  nodes: readonly string[],
): Promise<AsyncDisposable> {
  const program = metricsServerProgram(world.layout)
  if (!existsSync(program)) throw new Error(`no metrics-server: link the program to ${program}`)
  const directory = await mkdtemp(join(tmpdir(), 'alcove-metrics-server-'))
  try {
    const archive = await metricsServerArchive(program, directory)
    await Promise.all(nodes.map(node => importImage(world.node(node), archive)))
  } finally {
    await rm(directory, { recursive: true })
  }
  await using opened = new AsyncDisposableStack()
  opened.use(await applied(world, await manifest('e2e/manifests/metrics-server.yaml')))
  const services = '/apis/apiregistration.k8s.io/v1/apiservices'
  await waitForObject(
    world.api,
    `${services}?fieldSelector=metadata.name%3Dv1beta1.metrics.k8s.io`,
    ApiService,
    ({ status }) =>
      status.conditions.some(({ type, status: is }) => type === 'Available' && is === 'True'),
    { what: 'metrics.k8s.io to be available' },
  )
  return opened.move()
}

/** `alcove.dev/metrics-server:1`: the program and nothing else, as an OCI archive in `directory`. */
async function metricsServerArchive(program: string, directory: string): Promise<string> {
  const layout = join(directory, 'layout')
  const description = {
    reference: 'alcove.dev/metrics-server:1',
    tag: '1',
    time: 0,
    user: '65532:65532',
    workingDirectory: '/',
    path: '/',
    entrypoint: ['/metrics-server'],
    labels: {},
  }
  const bytes = await readFile(program)
  await writeLayout(layout, description, async blobs => [
    await writeLayer(
      {
        name: 'metrics-server',
        entries: [
          { path: 'metrics-server', kind: 'file', bytes, mode: 0o755 },
          { path: 'tmp', kind: 'directory', mode: 0o1777 },
        ],
        time: 0,
      },
      { compression: 'none', blobs, cache: undefined, onProgress: () => undefined },
    ),
  ])
  const archive = join(directory, 'metrics-server.tar')
  await writeArchive(layout, archive)
  return archive
}

const Boot = z.object({ ctr: z.string() })

/** Gives an image to a node's containerd, as `docker load` would. */
async function importImage(node: NodeHandle, archive: string): Promise<void> {
  const boot: unknown = JSON.parse(await readFile(join(node.directory, 'boot.json'), 'utf8'))
  const { ctr } = Boot.parse(boot)
  await node.run(ctr, '--namespace=k8s.io', 'images', 'import', '--local', archive)
}
