import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict'
import { mkdir, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { RESOURCE, scratch } from '../testing/counting-plugin.ts'
import {
  encodeRegistered,
  isStandIns,
  KUBELET_CHECKPOINT,
  KubeletCheckpoint,
  parseRegistered,
} from './kubelet-checkpoint.ts'

const code = 'ERR_KUBELET_CHECKPOINT'

// Written by hand after checkpoint.go of Kubernetes 1.37.2.
const kubelets = `{"Data":{"PodDeviceEntries":[{"PodUID":"5f0c","ContainerName":"c","ResourceName":"${RESOURCE}",
"DeviceIDs":{"-1":["e0"]},"AllocResp":"EgA="}],"RegisteredDevices":{"${RESOURCE}":["e1","e0"],"a.b/none":[]}},"Checksum":2904912741}`

test('a kubelet’s checkpoint says which devices of a resource are registered', () => {
  deepEqual(parseRegistered(kubelets, RESOURCE), ['e1', 'e0'])
  deepEqual(parseRegistered(kubelets, 'a.b/none'), [])
  deepEqual(parseRegistered(kubelets, 'a.b/unheard-of'), [])
  deepEqual(parseRegistered(kubelets, 'constructor'), [])
  deepEqual(parseRegistered('{"Data":{"RegisteredDevices":null}}', RESOURCE), [])
})

test('the stand-in’s own checkpoint is read like a kubelet’s, and told from one', () => {
  const text = encodeRegistered({ [RESOURCE]: ['0', '1'] })
  deepEqual(parseRegistered(text, RESOURCE), ['0', '1'])
  deepEqual([isStandIns(text), isStandIns(kubelets)], [true, false])
})

for (const text of [
  '',
  'null',
  '[]',
  '{"Data":7}',
  '{"Data":{}}',
  '{"Data":{"RegisteredDevices":[]}}',
  `{"Data":{"RegisteredDevices":{"${RESOURCE}":"e0"}}}`,
  `{"Data":{"RegisteredDevices":{"${RESOURCE}":[0]}}}`,
]) {
  test(`a checkpoint of ${text || 'nothing'} is refused`, () => {
    throws(() => parseRegistered(text, RESOURCE), { code })
  })
}

test('a checkpoint cut short anywhere is refused', () => {
  for (let end = 0; end < kubelets.length; end++) {
    throws(() => parseRegistered(kubelets.slice(0, end), RESOURCE), { code })
  }
})

test('a checkpoint from before the kubelet’s socket says nothing of this kubelet, and an absent one nothing at all', async t => {
  const directory = await scratch(t)
  const checkpoint = new KubeletCheckpoint(directory, RESOURCE)
  deepEqual(await checkpoint.registeredSince(0n), [])
  const path = join(directory, KUBELET_CHECKPOINT)
  await writeFile(path, kubelets)
  await utimes(path, 1_000, 1_000)
  deepEqual(await checkpoint.registeredSince(1_000_000_000_000n), [])
  deepEqual(await checkpoint.registeredSince(999_999_999_999n), ['e1', 'e0'])
})

test('a checkpoint that has not changed is not read again; one that has is', async t => {
  const directory = await scratch(t)
  const checkpoint = new KubeletCheckpoint(directory, RESOURCE)
  await writeFile(join(directory, KUBELET_CHECKPOINT), kubelets)
  const first = await checkpoint.registeredSince(0n)
  equal(await checkpoint.registeredSince(0n), first)
  await writeFile(join(directory, KUBELET_CHECKPOINT), encodeRegistered({ [RESOURCE]: ['x'] }))
  deepEqual(await checkpoint.registeredSince(0n), ['x'])
})

test('a checkpoint that is too large, or no file, is refused unread', async t => {
  const directory = await scratch(t)
  const path = join(directory, KUBELET_CHECKPOINT)
  await writeFile(path, '')
  await truncate(path, 2 ** 40)
  const began = performance.now()
  await rejects(new KubeletCheckpoint(directory, RESOURCE).registeredSince(0n), { code })
  ok(performance.now() - began < 60_000)
  const other = join(directory, 'other')
  await mkdir(join(other, KUBELET_CHECKPOINT), { recursive: true })
  await rejects(new KubeletCheckpoint(other, RESOURCE).registeredSince(0n), { code })
})
