import { equal, ok } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { enclaveFolder, measureManifest, parseManifest } from '@alcove/simulator/client'
import { temporaryDirectory } from './simulated-machine.ts'

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
/** Lines of every container. */
const containerLines = [
  '      image: alcove.dev/alcove:VERSION',
  '        allowPrivilegeEscalation: false',
  '        readOnlyRootFilesystem: true',
  '        capabilities:\n          drop: [ALL]',
]
/** Lines of one with the program; read-only, so that it cannot replace the socket for others. */
const socketLines =
  '        - name: aesmd\n          mountPath: /var/run/aesmd\n          readOnly: true'

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
    const command = `      command: [/usr/local/bin/alcove-node, examples/${folder}/main.ts]`
    for (const container of containers) {
      const body = `\n${container}\n`
      for (const lines of containerLines) equal(occurrences(body, lines), 1, lines)
      const isProgram = !container.startsWith('quote\n')
      for (const lines of [command, socketLines]) {
        equal(occurrences(body, lines), isProgram ? 1 : 0, lines)
      }
    }
    equal(occurrences(pod, `  name: ${folder}`), 1)
    equal(/privileged: true|hostNetwork|hostPID|hostIPC|devices|\/dev\//.test(pod), false)
  })

  test(`${folder}: the EPC that each container asks for holds its enclave`, async () => {
    const limit = /^ {10}sgx\.intel\.com\/epc: (\d+)Mi\n {10}sgx\.intel\.com\/enclave: "1"$/gm
    const limits = Array.from((await read('pod.yaml')).matchAll(limit), ([, mib]) => Number(mib))
    const manifest = parseManifest(await read('enclave.json'))
    equal(manifest.name, folder)
    const { epcBytes } = await measureManifest(manifest, enclaveFolder(join(examples, folder)))
    const programs = (await read('pod.yaml')).match(/command: .*main\.ts/g) ?? []
    equal(limits.length, programs.length)
    for (const mib of limits) {
      // A machine's EPC is dear: at most 2 MiB more than what the enclave takes.
      const needed = Math.ceil(epcBytes / 2 ** 20)
      ok(mib >= needed && mib <= needed + 2, `${mib} MiB for an enclave of ${needed} MiB`)
    }
  })
}

for (const folder of ['hello-enclave', 'attested-key']) {
  test(`${folder}: its second container prints the quote once it is whole`, async t => {
    const pod = await readFile(join(examples, folder, 'pod.yaml'), 'utf8')
    const [, block = ''] = /\n {6}args:\n {8}- \|\n((?: {10}.*\n)+)/.exec(pod) ?? []
    const out = await temporaryDirectory(t)
    const source = block.replaceAll('/out/', `${out}/`)
    equal(source.split(out).length - 1, 2)
    const child = spawn(process.execPath, ['-e', source], { stdio: ['ignore', 'pipe', 'inherit'] })
    t.after(() => child.kill('SIGKILL'))
    const quote = randomBytes(4600)
    await writeFile(join(out, `${folder}.quote`), quote)
    equal((await text(child.stdout)).trim(), quote.toString('base64'))
  })
}
