import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { readSettings } from './settings.ts'

test('without settings the plugin offers this machine’s own hardware', () => {
  deepEqual(readSettings({}), {
    kubeletDirectory: '/var/lib/kubelet/device-plugins',
    node: { hostRoot: '/', simulatedRoot: undefined, simulatorDirectory: undefined },
    aesmDirectory: undefined,
    maxDevicesPerContainer: 16_384,
    probePort: 0,
    cdi: { mode: 'auto', directory: '/var/run/cdi', nodeName: undefined },
  })
})

test('on a simulated platform the simulator’s directory has a place of its own', () => {
  const simulated = { DEVICE_PLUGIN_PLATFORM: 'simulated' }
  equal(readSettings(simulated).node.simulatorDirectory, '/run/alcove-simulator')
  const elsewhere = { ...simulated, DEVICE_PLUGIN_SIMULATOR_DIR: '/x' }
  equal(readSettings(elsewhere).node.simulatorDirectory, '/x')
})

test('wrong settings are named, all at once', () => {
  const wrong = {
    DEVICE_PLUGIN_PLATFORM: 'silicon',
    DEVICE_PLUGIN_SIMULATOR_DIR: '/x',
    DEVICE_PLUGIN_MAX_DEVICES_PER_CONTAINER: '0',
    DEVICE_PLUGIN_CDI: 'yes',
    DEVICE_PLUGIN_EPC_MODE: 'pages',
    DEVICE_PLUGIN_HOSTROOT: '/host',
  }
  throws(() => readSettings(wrong), {
    code: 'ERR_CONFIG',
    problems: [
      "DEVICE_PLUGIN_PLATFORM: want hardware or simulated, got 'silicon'",
      "DEVICE_PLUGIN_MAX_DEVICES_PER_CONTAINER: want an integer from 1 to 1000000, got '0'",
      "DEVICE_PLUGIN_CDI: want auto or on or off, got 'yes'",
      'DEVICE_PLUGIN_SIMULATOR_DIR: only with DEVICE_PLUGIN_PLATFORM=simulated',
      "DEVICE_PLUGIN_EPC_MODE: want devices, got 'pages'",
      'DEVICE_PLUGIN_HOSTROOT: unknown setting',
    ],
  })
})

test('EPC as a count of bytes is refused by name', () => {
  throws(() => readSettings({ DEVICE_PLUGIN_EPC_MODE: 'bytes' }), {
    problems: [
      "DEVICE_PLUGIN_EPC_MODE: 'bytes' comes with a later version; this one has 'devices'",
    ],
  })
})

test('a simulated root and a simulated platform exclude each other', () => {
  const both = { DEVICE_PLUGIN_SIMULATED_ROOT: '/x', DEVICE_PLUGIN_PLATFORM: 'simulated' }
  throws(() => readSettings(both), {
    problems: ['DEVICE_PLUGIN_SIMULATED_ROOT: not with DEVICE_PLUGIN_PLATFORM=simulated: name one'],
  })
})
