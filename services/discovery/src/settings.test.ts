import { deepEqual, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { readSettings } from './settings.ts'

test('only the node’s name is needed', () => {
  deepEqual(readSettings({ DISCOVERY_NODE_NAME: 'n' }), {
    hostRoot: '/',
    platform: 'hardware',
    nodeName: 'n',
    epcMode: 'bytes',
    probePort: 0,
  })
})

test('wrong settings are named, all at once', () => {
  const wrong = {
    DISCOVERY_PLATFORM: 'silicon',
    DISCOVERY_EPC_MODE: 'pages',
    DISCOVERY_PROBE_PORT: 'x',
    DISCOVERY_HOSTROOT: '/host',
  }
  throws(() => readSettings(wrong), {
    code: 'ERR_CONFIG',
    problems: [
      "DISCOVERY_PROBE_PORT: want an integer from 0 to 65535, got 'x'",
      "DISCOVERY_PLATFORM: want hardware or simulated, got 'silicon'",
      "DISCOVERY_EPC_MODE: want bytes or devices, got 'pages'",
      'DISCOVERY_NODE_NAME: required: the node’s name in the API server',
      'DISCOVERY_HOSTROOT: unknown setting',
    ],
  })
})
