import { equal, match, ok } from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { enclaveFolder, measureManifest, parseManifest } from '@alcove/simulator/client'

const examples = join(import.meta.dirname, '../../../examples')
const folders = readdirSync(examples, { withFileTypes: true })
  .filter(entry => entry.isDirectory() && !entry.name.startsWith('.'))
  .map(({ name }) => name)

/** Lines of a pod's specification; each stands once, at its depth. */
const podLines = [
  'apiVersion: v1',
  'kind: Pod',
  '  automountServiceAccountToken: false',
  '  enableServiceLinks: false',
  '    runAsNonRoot: true',
  '      type: RuntimeDefault',
  '    - name: aesmd\n      hostPath:\n        path: /var/run/aesmd\n        type: Directory',
]
/** Lines of a container. */
const containerLines = [
  '      image: alcove:VERSION',
  '        allowPrivilegeEscalation: false',
  '        readOnlyRootFilesystem: true',
  '        capabilities:\n          drop: [ALL]',
  '        - name: aesmd\n          mountPath: /var/run/aesmd',
]

function occurrences(text: string, lines: string): number {
  return text.split(`\n${lines}\n`).length - 1
}

test('every example has a pod: four or more', () => {
  ok(folders.length >= 4)
})

for (const folder of folders) {
  const read = (name: string) => readFile(join(examples, folder, name), 'utf8')

  test(`${folder}: its pod gets the quote helper's directory and what it asks for, and can do nothing else`, async () => {
    const pod = `\n${await read('pod.yaml')}`
    for (const lines of podLines) equal(occurrences(pod, lines), 1, lines)
    const [beforeVolumes = ''] = pod.split(/^ {2}volumes:$/m)
    const containers = beforeVolumes.split(/^ {4}- name: (?=.*\n {6}image:)/m).slice(1)
    ok(containers.length > 0)
    for (const container of containers) {
      const body = `\n${container}\n`
      for (const lines of containerLines) equal(occurrences(body, lines), 1, lines)
      match(body, new RegExp(`^ {6}command: \\[alcove-node, examples/${folder}/main\\.ts\\]$`, 'm'))
    }
    equal(occurrences(pod, `  name: ${folder}`), 1)
    equal(/privileged: true|hostNetwork|hostPID|hostIPC|devices|\/dev\//.test(pod), false)
    match(pod, /The image comes with a later version of Alcove/)
  })

  test(`${folder}: the EPC that each container asks for holds its enclave`, async () => {
    const limit = /^ {10}kubernetes\.azure\.com\/sgx_epc_mem_in_MiB: "(\d+)"$/gm
    const limits = Array.from((await read('pod.yaml')).matchAll(limit), ([, mib]) => Number(mib))
    const manifest = parseManifest(await read('enclave.json'))
    equal(manifest.name, folder)
    const { epcBytes } = await measureManifest(manifest, enclaveFolder(join(examples, folder)))
    const containers = (await read('pod.yaml')).match(/image: /g) ?? []
    equal(limits.length, containers.length)
    for (const mib of limits) {
      // A machine's EPC is dear: at most 2 MiB more than what the enclave takes.
      const needed = Math.ceil(epcBytes / 2 ** 20)
      ok(mib >= needed && mib <= needed + 2, `${mib} MiB for an enclave of ${needed} MiB`)
    }
  })
}
