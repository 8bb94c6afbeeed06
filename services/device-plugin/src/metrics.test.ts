import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { LateMetrics } from './late-metrics.ts'
import { Metrics } from './metrics.ts'

const unmet = { found: 'no such file', source: '/dev', remedy: 'load the driver' }

function sample(text: string): Map<string, number> {
  const lines = text.split('\n').filter(line => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map(line => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
  )
}

test('a scrape tells what is now, and counts what was', async () => {
  let held = [{ namespace: 'ns', pod: 'p', container: 'c', bytes: 10 }]
  const metrics = new Metrics({
    version: '1.2.3',
    epcMode: 'bytes',
    platform: 'simulated',
    offer: () => ({ condition: 'epc', reason: 'none' }),
    conditions: () => [
      { name: 'cpu-sgx', met: true, found: 'yes', source: 'CPUID' },
      { name: 'enclave-device', met: false, ...unmet },
      { name: 'fsgsbase', met: 'unknown', ...unmet },
    ],
    servers: () => new Map([['sgx.intel.com/enclave', { streaming: true }]]),
    devices: () => new Map([['sgx.intel.com/enclave', [{ healthy: true }, { healthy: false }]]]),
    allocatableBytes: () => 2 ** 20,
    held: async () => held,
    overwrites: () => 3,
  })
  const resource = 'sgx.intel.com/enclave'
  metrics.note(resource, { event: 'registered', resource, endpoint: 'e' })
  const begun = sample(await metrics.text())
  for (const name of ['allocations_refused_total', 'allocate_seconds_count']) {
    equal(begun.get(`alcove_device_plugin_${name}{resource="${resource}"}`), 0)
  }
  metrics.note(resource, { event: 'allocate', count: 1, ms: 20 })
  metrics.note(resource, { event: 'stream-ended' })
  metrics.note(resource, { event: 'allocate-refused', reason: 'r' })
  const first = sample(await metrics.text())
  const labels = `resource="${resource}"`
  const expected: Record<string, number> = {
    'alcove_device_plugin_info{version="1.2.3",epc_mode="bytes",platform="simulated"}': 1,
    alcove_epc_capacity_bytes: 0,
    alcove_epc_allocatable_bytes: 2 ** 20,
    'alcove_epc_allocated_bytes{namespace="ns",pod="p",container="c"}': 10,
    alcove_epc_overwritten_total: 3,
    [`alcove_device_plugin_devices{${labels},health="healthy"}`]: 1,
    [`alcove_device_plugin_devices{${labels},health="unhealthy"}`]: 1,
    [`alcove_device_plugin_registered{${labels}}`]: 1,
    [`alcove_device_plugin_registrations_total{${labels}}`]: 1,
    [`alcove_device_plugin_allocations_refused_total{${labels}}`]: 1,
    [`alcove_device_plugin_allocate_seconds_bucket{le="0.01",${labels}}`]: 0,
    [`alcove_device_plugin_allocate_seconds_bucket{le="0.05",${labels}}`]: 1,
    'alcove_node_condition{condition="cpu-sgx"}': 1,
    'alcove_node_condition{condition="enclave-device"}': 0,
    'alcove_node_condition{condition="fsgsbase"}': 0,
  }
  const found = Object.keys(expected).map(name => [name, first.get(name)])
  deepEqual(Object.fromEntries(found), expected)
  held = []
  const second = sample(await metrics.text())
  equal(second.get('alcove_epc_allocated_bytes{namespace="ns",pod="p",container="c"}'), undefined)
  equal(second.get('alcove_epc_overwritten_total'), 3)
})

test('metrics are made when they are first asked for, and count what was before', async () => {
  let made = 0
  const late = new LateMetrics(async () => {
    made += 1
    return new Metrics({
      version: '1',
      epcMode: 'bytes',
      platform: 'hardware',
      offer: () => ({ condition: 'epc', reason: 'none' }),
      conditions: () => [],
      servers: () => new Map(),
      devices: () => new Map(),
      allocatableBytes: () => 0,
      held: async () => [],
      overwrites: () => 0,
    })
  })
  const registered = { event: 'registered', resource: 'r', endpoint: 'e' } as const
  late.note('r', registered)
  late.note('r', { event: 'stream-ended' })
  equal(made, 0)
  const total = 'alcove_device_plugin_registrations_total{resource="r"}'
  equal(sample(await late.text()).get(total), 1)
  late.note('r', registered)
  equal(sample(await late.text()).get(total), 2)
  equal(made, 1)
})
