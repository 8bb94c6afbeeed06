// Enclave programs in pods: the project's examples as they are, and whether somebody outside the cluster believes their quotes.
import { equal, match, ok } from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { enclaveFolder, measureManifest, parseManifest } from '@alcove/simulator/client'
import { programVersion } from '../../tools/image/program.ts'
import { withImage } from '../alcove/install.ts'
import { hasEnded, podLog, waitForPod } from '../kube/pods.ts'
import { waitUntil } from '../kube/wait.ts'
import { applied, manifest, projectRoot } from './manifests.ts'
import { openNamespace } from './namespace.ts'
import { judge, relyingParty } from './relying-party.ts'
import { openWorld } from './world.ts'

const world = openWorld()
const { api } = world
const namespace = await openNamespace(api, 'quote')
after(() => namespace[Symbol.asyncDispose]())
const outside = await mkdtemp(join(tmpdir(), 'alcove-relying-party-'))
after(() => rm(outside, { recursive: true }))
const party = await relyingParty(world, outside)
/** Offset of the report data in a quote: docs/formats/quote.md. */
const REPORT_DATA = 48 + 320
const version = await programVersion(projectRoot)

/** An example's pod.yaml, with the image that the nodes have. */
async function podYaml(example: string): Promise<string> {
  return withImage(await manifest(`examples/${example}/pod.yaml`), version)
}

async function logOf(pod: string, container: string): Promise<string> {
  return world.kubectl(['logs', `--namespace=${namespace.name}`, pod, `--container=${container}`])
}

/** Waits until every container of the pod has ended well. */
async function succeeded(pod: string): Promise<string> {
  const ended = await waitForPod(api, namespace.name, pod, hasEnded, { what: `${pod} to end` })
  const logs = ['logs', `--namespace=${namespace.name}`, pod, '--all-containers', '--prefix']
  if (ended.status.phase !== 'Succeeded') ok(false, await world.kubectl(logs))
  return ended.spec.nodeName ?? ''
}

async function quoteOf(pod: string): Promise<Uint8Array> {
  return Uint8Array.fromBase64((await logOf(pod, 'quote')).trim())
}

async function measured(example: string): Promise<string> {
  const folder = join(projectRoot, 'examples', example)
  const description = parseManifest(await manifest(`examples/${example}/enclave.json`))
  return (await measureManifest(description, enclaveFolder(folder))).mrEnclave.toHex()
}

for (const node of ['sgx-a', 'sgx-b']) {
  test(`${node}: the quote of hello-enclave, made in a pod, is believed outside the cluster, and only where its root was given`, async context => {
    const started = Date.now()
    const yaml = (await podYaml('hello-enclave')).replace(/^spec:$/m, `spec:\n  nodeName: ${node}`)
    await using _ = await applied(world, yaml, namespace.name)
    equal(await succeeded('hello-enclave'), node)
    const took = Date.now() - started
    const mrEnclave = await measured('hello-enclave')
    const said = 'Hello from inside an enclave'
    equal(await logOf('hello-enclave', 'hello-enclave'), `${said}\nI am ${mrEnclave}\n`)
    const quote = await quoteOf('hello-enclave')

    const ours = ['--mrenclave', mrEnclave]
    const believed = await judge(party, quote, '--root', party.root, ...ours)
    equal(believed.exitCode, 0, JSON.stringify(believed))
    equal(believed.trusted, true)
    equal(believed.status, 'UpToDate')
    equal(believed.mrEnclave, mrEnclave)
    equal(believed.reportData?.slice(0, 64), createHash('sha256').update(said).digest('hex'))

    const unrooted = await judge(party, quote, ...ours)
    equal(unrooted.exitCode, 3, JSON.stringify(unrooted))
    equal(unrooted.error?.code, 'ERR_VERIFY_UNTRUSTED_ROOT')
    const anotherEnclave = ['--mrenclave', await measured('attested-key')]
    const refused = await judge(party, quote, '--root', party.root, ...anotherEnclave)
    equal(refused.exitCode, 3, JSON.stringify(refused))
    equal(refused.trusted, false)
    const changed = await judge(party, quote.with(REPORT_DATA, 0xff), '--root', party.root)
    equal(changed.exitCode, 3)
    equal(changed.error?.code, 'ERR_VERIFY_INVALID_QUOTE_SIGNATURE')
    context.diagnostic(
      `applied to ended with its quote: ${took} ms; a quote of ${quote.length} bytes`,
    )
  })
}

test('attested-key: the quote binds the public key that the pod printed', async () => {
  await using _ = await applied(world, await podYaml('attested-key'), namespace.name)
  await succeeded('attested-key')
  const log = await logOf('attested-key', 'attested-key')
  const mrEnclave = await measured('attested-key')
  const [, printed, key = ''] = /^MRENCLAVE +(\w+)\npublic key (\S+)$/m.exec(log) ?? []
  equal(printed, mrEnclave, log)
  const options = ['--root', party.root, '--mrenclave', mrEnclave]
  const believed = await judge(party, await quoteOf('attested-key'), ...options)
  equal(believed.exitCode, 0, JSON.stringify(believed))
  const fingerprint = createHash('sha256').update(Buffer.from(key, 'base64')).digest('hex')
  equal(believed.reportData?.slice(0, 64), fingerprint)
})

test('sealed-counter: the container that starts again in its pod counts on', async () => {
  await using _ = await applied(world, await podYaml('sealed-counter'), namespace.name)
  const counted = async (): Promise<string | undefined> => {
    const log = await podLog(api, namespace.name, 'sealed-counter')
    return /^Count (?!1,)/.test(log) ? log : undefined
  }
  const log = await waitUntil(counted, { what: 'a second run to have counted' })
  match(log, /^Count \d+, sealed under policy mrsigner in \/data\/counter\.sealed\n$/)
})

test('mutual-attestation: two containers of a pod believe each other and share a key', async () => {
  await using _ = await applied(world, await podYaml('mutual-attestation'), namespace.name)
  await succeeded('mutual-attestation')
  const mrEnclave = await measured('mutual-attestation')
  const sides = []
  for (const container of ['alice', 'bob']) {
    const log = await logOf('mutual-attestation', container)
    match(log, new RegExp(`^I am ${mrEnclave}$`, 'm'))
    const pattern = /^As (\w+) I believe my peer: .*\nWe share a key; its SHA-256 is (\w{64})$/m
    const [, role = '', key = ''] = pattern.exec(log) ?? []
    sides.push({ role, key })
  }
  equal(
    sides
      .map(({ role }) => role)
      .toSorted()
      .join(),
    'caller,listener',
  )
  equal(sides[0]?.key, sides[1]?.key)
})
