import { equal, ok } from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { RestartingKubelet } from './restarting-kubelet.ts'
import { measureRestarts } from './restarts.ts'
import { start } from './started.ts'

test('the bare plugin registers, and again after each restart of its kubelet', {
  skip: process.platform !== 'linux' && 'needs /proc',
}, async t => {
  const directory = await mkdtemp(join(tmpdir(), 'alcove-restarts-'))
  t.after(() => rm(directory, { recursive: true }))
  const resource = 'bench.alcove.dev/bare'
  await using kubelet = await RestartingKubelet.start(join(directory, 'k'), [resource])
  await using plugin = await start({
    args: [join(import.meta.dirname, 'peers/device-plugin.mjs'), kubelet.directory, resource],
    ready: (_child, signal) => kubelet.registered(signal),
  })
  ok(plugin.startMs > 0)
  const plugins = [{ name: 'bare plugin', pid: plugin.pid, kubelet }]
  const [restarts] = await measureRestarts(plugins, { restarts: 2, downMs: 20, settleMs: 20 })
  equal(restarts?.plugin, 'bare plugin')
  equal(restarts.ms.length, 2)
  ok(restarts.ms.every(ms => ms > 0))
  ok(restarts.cpuMs.every(ms => ms > 0))
})
