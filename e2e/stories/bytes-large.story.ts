// 512 GiB of EPC in bytes, two sections of a DC48s_v3, beside 56 MiB: what they cost kubelet and plugin.
import { equal, ok } from 'node:assert/strict'
import { test } from 'node:test'
import { daemonsOf } from '../cluster/machine.ts'
import { hasEnded, podsPath, waitForPod } from '../kube/pods.ts'
import { extraNode } from './extra-node.ts'
import { restartKubelet } from './kubelet-state.ts'
import { ENCLAVE } from './names.ts'
import { openNamespace } from './namespace.ts'
import { processOf } from './node-process.ts'
import { RESERVED_MIB, waitForEpc } from './offered.ts'
import { registeredAfter } from './plugin-log.ts'
import { boxPod, HAS_DEVICE } from './pod-manifest.ts'
import { figuresText, type ProcessFigures, processFigures } from './process-figures.ts'
import { openWorld } from './world.ts'

const world = openWorld()
const { api } = world
const MIB = 2 ** 20
const GIB = 1024

const cost: { readonly kubelet: ProcessFigures; readonly plugin: ProcessFigures }[] = []

const sizes = [
  { name: 'small', number: 28, epcMiB: [56] },
  { name: 'large', number: 29, epcMiB: [256 * GIB, 256 * GIB] },
]

for (const spec of sizes) {
  const mib = spec.epcMiB.reduce((sum, section) => sum + section, 0)
  test(`${mib} MiB: advertised to the byte, a pod gets nearly all of it, and a kubelet's restart is over at once`, async context => {
    await using node = await world.addNode(extraNode(spec))
    const bytes = (mib - RESERVED_MIB) * MIB
    await waitForEpc(world, node.name, bytes)
    await using namespace = await openNamespace(api, 'bytes-large')
    const name = 'holder'
    const epcMiB = mib - RESERVED_MIB - 4
    const began = Date.now()
    const pod = boxPod({ name, nodeName: node.name, epcMiB, script: HAS_DEVICE })
    await api.create(podsPath(namespace.name), pod)
    const { status } = await waitForPod(api, namespace.name, name, hasEnded, { what: 'the pod' })
    equal(status.phase, 'Succeeded', JSON.stringify(status))
    context.diagnostic(`a pod with ${epcMiB} MiB, created to ended: ${Date.now() - began} ms`)
    context.diagnostic(`its status in the API server: ${JSON.stringify(status).length} characters`)
    const born = await restartKubelet(node)
    const registeredMs = await registeredAfter(node, ENCLAVE, born)
    context.diagnostic(`kubelet.sock there to registered: ${Math.round(registeredMs)} ms`)
    await waitForEpc(world, node.name, bytes)
    const [kubelet = 0] = await daemonsOf(node.directory, 'kubelet')
    const plugin = await processOf(node, /alcove-node .*device-plugin/)
    const figures = {
      kubelet: await processFigures(kubelet),
      plugin: await processFigures(plugin),
    }
    context.diagnostic(`kubelet: ${figuresText(figures.kubelet)}`)
    context.diagnostic(`plugin: ${figuresText(figures.plugin)}`)
    cost.push(figures)
  })
}

test('the large node costs kubelet and plugin no more memory than the small one', () => {
  const [small, large] = cost
  ok(small !== undefined && large !== undefined)
  for (const part of ['kubelet', 'plugin'] as const) {
    const little: number = small[part].residentMiB
    const much: number = large[part].residentMiB
    ok(much <= little * 1.25, `${part}: ${much} MiB, ${little} on the small node`)
  }
})
