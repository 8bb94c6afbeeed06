import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { readSettings } from './settings.ts'

const devices = { DEVICE_PLUGIN_EPC_MODE: 'devices' }

test('with its node’s name alone the plugin offers this machine’s own hardware, EPC in bytes', () => {
  deepEqual(readSettings({ DEVICE_PLUGIN_NODE_NAME: 'n' }), {
    kubeletDirectory: '/var/lib/kubelet/device-plugins',
    epcMode: 'bytes',
    reservedEpcMiB: 4,
    startupTaint: 'startup-taint.cluster-autoscaler.kubernetes.io/sgx',
    nodeName: 'n',
    node: { hostRoot: '/', simulatedRoot: undefined, simulatorDirectory: undefined },
    aesmDirectory: undefined,
    maxDevicesPerContainer: 16_384,
    probePort: 0,
    cdi: { mode: 'auto', directory: '/var/run/cdi' },
  })
})

test('on a simulated platform the simulator’s directory has a place of its own', () => {
  const simulated = { ...devices, DEVICE_PLUGIN_PLATFORM: 'simulated' }
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
      "DEVICE_PLUGIN_EPC_MODE: want bytes or devices, got 'pages'",
      "DEVICE_PLUGIN_MAX_DEVICES_PER_CONTAINER: want an integer from 1 to 1000000, got '0'",
      "DEVICE_PLUGIN_CDI: want auto or on or off, got 'yes'",
      'DEVICE_PLUGIN_SIMULATOR_DIR: only with DEVICE_PLUGIN_PLATFORM=simulated',
      'DEVICE_PLUGIN_NODE_NAME: needed with EPC_MODE=bytes: EPC in bytes is kept in the node’s object',
      'DEVICE_PLUGIN_HOSTROOT: unknown setting',
    ],
  })
})

test('EPC in bytes needs the node’s name; EPC as devices does not', () => {
  throws(() => readSettings({}), { code: 'ERR_CONFIG', message: /NODE_NAME: needed/ })
  equal(readSettings(devices).nodeName, undefined)
})

test('a simulated root and a simulated platform exclude each other', () => {
  const both = {
    ...devices,
    DEVICE_PLUGIN_SIMULATED_ROOT: '/x',
    DEVICE_PLUGIN_PLATFORM: 'simulated',
  }
  throws(() => readSettings(both), {
    problems: ['DEVICE_PLUGIN_SIMULATED_ROOT: not with DEVICE_PLUGIN_PLATFORM=simulated: name one'],
  })
})
