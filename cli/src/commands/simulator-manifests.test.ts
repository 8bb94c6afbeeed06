import { deepEqual, match, ok } from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { nodeSizes } from '@alcove/simulator'
import { enclaveFolder, measureManifest, parseManifest } from '@alcove/simulator/client'
import { alcove, hello } from '../../testing/alcove.ts'
import { projectRoot } from '../program-root.ts'
import {
  DEVICE_PLUGIN_SETTINGS,
  DISCOVERY_SETTINGS,
  QUOTE_HELPER_SETTINGS,
} from '../role-settings.ts'

/** The chart as Helm renders it for simulated nodes: tools/chart.test.ts holds what is in it. */
const rendered = await readFile(
  join(projectRoot, 'deploy/helm/alcove/golden/simulated-discovery.yaml'),
  'utf8',
)

test('the arguments and settings in the chart are the program’s', async () => {
  const { stdout } = await alcove('simulator', '--help')
  const args = rendered.match(/(?<=^ {12}- )--[a-z-]+(?==)/gm) ?? []
  deepEqual(args, ['--host-root', '--keys', '--node'])
  for (const arg of args) ok(stdout.includes(`  ${arg} `), arg)
  const settings = {
    QUOTE_HELPER: QUOTE_HELPER_SETTINGS,
    DEVICE_PLUGIN: DEVICE_PLUGIN_SETTINGS,
    DISCOVERY: DISCOVERY_SETTINGS,
  }
  for (const [prefix, help] of Object.entries(settings)) {
    const named = rendered.match(new RegExp(`(?<=name: )${prefix}_\\w+`, 'g')) ?? []
    ok(named.length > 0, prefix)
    for (const setting of named)
      ok(help.includes(`  ${setting} `) || help.includes(`  ${setting}\n`), setting)
  }
})

test('every Azure size that the simulator knows is among the chart’s instance types', async () => {
  const values = await readFile(join(projectRoot, 'deploy/helm/alcove/values.yaml'), 'utf8')
  for (const size of nodeSizes) ok(values.includes(`  - Standard_${size.name}\n`), size.name)
})

test('sim secret prints the Secret that the simulator mounts, unless told', async () => {
  const { stdout } = await alcove('sim', '--help')
  match(stdout, /--name <name> .*"alcove-simulator"/)
  match(stdout, /--namespace <name> .*"alcove-system"/)
  match(rendered, /secretName: alcove-simulator\n/)
})

test('the guide shows the MRENCLAVE that hello-enclave has', async () => {
  const guide = await readFile(join(projectRoot, 'docs/guides/simulated-cluster.md'), 'utf8')
  const program = parseManifest(await readFile(join(hello, 'enclave.json'), 'utf8'))
  const { mrEnclave } = await measureManifest(program, enclaveFolder(hello))
  deepEqual(new Set(guide.match(/\b[0-9a-f]{64}\b/g)), new Set([mrEnclave.toHex()]))
})
