import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { prometheusConfig } from './config.ts'

test('a target has the labels of its pod, and those of a metric’s own win', () => {
  const labels = { node: 'sgx-a', namespace: 'alcove-system', pod: 'p', container: 'device-plugin' }
  const target = { address: '10.244.11.3:8081', ...labels }
  const config = JSON.parse(prometheusConfig({ targets: [target], rules: '/alerts.yaml' }))
  deepEqual(config.rule_files, ['/alerts.yaml'])
  equal(config.scrape_configs.length, 1)
  equal(config.scrape_configs[0].honor_labels, true)
  deepEqual(config.scrape_configs[0].static_configs, [{ targets: ['10.244.11.3:8081'], labels }])
})
