import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { nodeSizes } from '@alcove/simulator'
import { enclaveFolder, measureManifest, parseManifest } from '@alcove/simulator/client'
import { alcove, hello } from '../../testing/alcove.ts'
import { projectRoot } from '../program-root.ts'
import { QUOTE_HELPER_SETTINGS } from '../role-settings.ts'

const manifest = (name: string) =>
  readFile(join(projectRoot, 'deploy/kubernetes', `${name}.yaml`), 'utf8')

/** Lines of a pod's specification that stand once. */
const podLines = [
  '      automountServiceAccountToken: false',
  '      enableServiceLinks: false',
  '        runAsNonRoot: true',
  '        runAsUser: 65531',
  '        seccompProfile:\n          type: RuntimeDefault',
]
/** Lines of each of its containers. */
const containerLines = [
  '          image: alcove.dev/alcove:VERSION',
  '            privileged: false',
  '            allowPrivilegeEscalation: false',
  '            readOnlyRootFilesystem: true',
  '            capabilities:\n              drop: [ALL]',
]

function occurrences(text: string, lines: string): number {
  return text.split(`\n${lines}\n`).length - 1
}

/** Where pods may run, without comments. */
function affinityOf(text: string): string {
  const block = /^ {6}affinity:\n(?: {7,}.*\n)+/m.exec(text)?.[0] ?? ''
  return block.replaceAll(/ +#.*/g, '').replaceAll(/\n+/g, '\n')
}

for (const name of ['simulator', 'quote-helper']) {
  test(`${name}.yaml: not root but to hand a directory over, no capability, nothing of the API server's`, async () => {
    const text = await manifest(name)
    for (const lines of podLines) equal(occurrences(text, lines), 1, lines)
    const containers = text.split(/^ {8}- name: (?=.*\n {10}image:)/m).slice(1)
    equal(containers.length, 2)
    for (const container of containers) {
      for (const lines of containerLines) equal(occurrences(container, lines), 1, lines)
    }
    deepEqual(text.match(/runAsUser: \d+/g)?.toSorted(), ['runAsUser: 0', 'runAsUser: 65531'])
    equal(/host(Network|PID|IPC):|privileged: true|add:/.test(text), false)
  })

  test(`${name}.yaml: its pods go where the device plugin's go`, async () => {
    const own = affinityOf(await manifest(name))
    ok(own.length > 500)
    equal(own, affinityOf(await manifest('device-plugin')))
    for (const size of nodeSizes) ok(own.includes(`- Standard_${size.name}\n`), size.name)
  })
}

test('the arguments and settings in the manifests are the program’s', async () => {
  const { stdout } = await alcove('simulator', '--help')
  const args = (await manifest('simulator')).match(/^ {12}- --[a-z-]+(?==)/gm) ?? []
  equal(args.length, 3)
  for (const arg of args) ok(stdout.includes(`  ${arg.trim().slice(2)} `), arg)
  const settings = (await manifest('quote-helper')).match(/QUOTE_HELPER_\w+/g) ?? []
  deepEqual(settings, ['QUOTE_HELPER_PLATFORM'])
  for (const setting of settings) ok(QUOTE_HELPER_SETTINGS.includes(setting))
})

test('sim secret prints the Secret that simulator.yaml mounts, unless told', async () => {
  const { stdout } = await alcove('sim', '--help')
  match(stdout, /--name <name> .*"alcove-simulator"/)
  match(stdout, /--namespace <name> .*"alcove-system"/)
  const text = await manifest('simulator')
  match(text, /secretName: alcove-simulator\n/)
  match(text, /\n {2}namespace: alcove-system\n/)
  match(await manifest('namespace'), /\n {2}name: alcove-system\n/)
})

test('the guide shows the MRENCLAVE that hello-enclave has', async () => {
  const guide = await readFile(join(projectRoot, 'docs/guides/simulated-cluster.md'), 'utf8')
  const program = parseManifest(await readFile(join(hello, 'enclave.json'), 'utf8'))
  const { mrEnclave } = await measureManifest(program, enclaveFolder(hello))
  deepEqual(new Set(guide.match(/\b[0-9a-f]{64}\b/g)), new Set([mrEnclave.toHex()]))
})
