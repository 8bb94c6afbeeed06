import { deepEqual, equal, match, notEqual, ok, rejects } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { AesmClient } from '@alcove/aesm'
import { runQuoteHelper } from '@alcove/quote-helper'
import {
  connectPlatform,
  type LoadedEnclave,
  loadEnclave,
  tokenFile,
} from '@alcove/simulator/client'
import {
  makeCharacterDevice,
  noCharacterDevices,
} from '../../../packages/simulator/testing/character-device.ts'
import { alcove, hello, within } from '../../testing/alcove.ts'
import { projectRoot } from '../program-root.ts'

const EPC_BYTES = 28 * 2 ** 20
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'alcove-sim-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** Applies the Secret, as the kubelet mounts it. */
async function mountSecret(state: string, keys: string): Promise<void> {
  const { stdout, code } = await alcove('sim', 'secret', '--state', state, '--output', 'json')
  equal(code, 0)
  const { data } = JSON.parse(stdout)
  await mkdir(keys, { recursive: true })
  for (const [name, base64] of Object.entries(data)) {
    await writeFile(join(keys, name), Uint8Array.fromBase64(String(base64)))
  }
}

/** A node's file system as it is mounted into the simulator's container. */
async function nodeFiles(host: string): Promise<void> {
  const sys = join(host, 'sys/devices/system/node')
  await mkdir(join(sys, 'node0/x86'), { recursive: true })
  await mkdir(join(host, 'dev'))
  await writeFile(join(sys, 'online'), '0\n')
  await writeFile(join(sys, 'node0/x86/sgx_total_bytes'), `${EPC_BYTES}\n`)
  makeCharacterDevice(join(host, 'dev/sgx_enclave'))
  makeCharacterDevice(join(host, 'dev/sgx_provision'))
}

/** A container on the node: its devices, and what Allocate mounts. */
async function container(t: TestContext, node: string): Promise<string> {
  const root = await temporary(t)
  for (const directory of ['dev', 'run']) await mkdir(join(root, directory))
  makeCharacterDevice(join(root, 'dev/sgx_enclave'))
  makeCharacterDevice(join(root, 'dev/sgx_provision'))
  const served = join(node, 'run/alcove-simulator')
  await symlink(join(served, 'enclave'), join(root, 'run/alcove-simulator'))
  await symlink(join(served, 'provision'), join(root, 'run/alcove-simulator-provision'))
  return root
}

/** The simulator's process on a node, until it is killed or the test ends. */
async function startSimulator(t: TestContext, { node, keys, name = 'sgx-a' }: Simulator) {
  const child = spawn(
    process.execPath,
    [
      join(projectRoot, 'cli/src/main.ts'),
      'simulator',
      ...['--host-root', join(node, 'host'), '--keys', keys, '--node', name],
      ...['--directory', join(node, 'run/alcove-simulator')],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill(signal)
    await once(child, 'close')
  }
  t.after(() => end('SIGKILL'))
  return { said: () => said, kill: () => end('SIGKILL') }
}

interface Simulator {
  readonly node: string
  readonly keys: string
  readonly name?: string
}

async function serving(t: TestContext, simulator: Simulator) {
  const started = await startSimulator(t, simulator)
  await within(60_000, 'the simulator serves', () => started.said().includes('"serving"'))
  return started
}

/** The node's quote helper in its container, until the test ends. */
async function startHelper(t: TestContext, root: string): Promise<AesmClient> {
  const stop = new AbortController()
  const socket = join(root, 'aesmd/aesm.socket')
  const ended = runQuoteHelper({
    environment: { QUOTE_HELPER_SOCKET: socket, QUOTE_HELPER_PLATFORM: 'simulated' },
    log: silent,
    stop: stop.signal,
    root,
  })
  t.after(async () => {
    stop.abort()
    await ended
  })
  const client = new AesmClient({ path: socket })
  await within(60_000, 'the helper makes quotes', () =>
    client.initQuote().then(
      () => true,
      () => false,
    ),
  )
  return client
}

async function loadHello(t: TestContext, root: string): Promise<LoadedEnclave> {
  const token = tokenFile(join(root, 'run/alcove-simulator/token'))
  const socket = join(root, 'run/alcove-simulator/platform.socket')
  const platform = await connectPlatform(socket, token)
  t.after(() => platform.close())
  return loadEnclave(platform, hello)
}

/** What an engineer outside the cluster says of a quote, with nothing but the state directory. */
async function verdict(t: TestContext, state: string, quote: Uint8Array) {
  const files = await temporary(t)
  const root = await alcove('sim', 'root', '--state', state)
  const collateral = await alcove('sim', 'collateral', '--state', state)
  await writeFile(join(files, 'quote'), quote)
  await writeFile(join(files, 'root.pem'), root.stdout)
  await writeFile(join(files, 'collateral.json'), collateral.stdout)
  const given = ['--root', join(files, 'root.pem'), '--collateral', join(files, 'collateral.json')]
  return alcove('verify', join(files, 'quote'), ...given)
}

test('a cluster’s platform: quotes verify outside it, a killed simulator comes back with its keys, and a TCB recovery reaches it', {
  skip: noCharacterDevices,
}, async t => {
  const [state, node] = [join(await temporary(t), 'state'), await temporary(t)]
  const keys = join(node, 'keys')
  await mountSecret(state, keys)
  await nodeFiles(join(node, 'host'))
  const first = await serving(t, { node, keys })
  match(first.said(), new RegExp(`"epcBytes":${EPC_BYTES}.*"platform":"sgx-a"`))
  const served = join(node, 'run/alcove-simulator')
  equal((await stat(join(served, 'enclave/platform.socket'))).mode & 0o777, 0o666)
  for (const role of ['enclave', 'provision']) {
    equal((await stat(join(served, role))).mode & 0o777, 0o755)
    equal((await stat(join(served, role, 'token'))).mode & 0o777, 0o444)
  }
  const root = await container(t, node)
  const aesm = await startHelper(t, root)
  const enclave = await loadHello(t, root)
  const quoteOf = (of: LoadedEnclave) =>
    aesm.quoteWith(target => of.report(target, new Uint8Array(64)))
  const accepted = await verdict(t, state, await quoteOf(enclave))
  equal(accepted.code, 0, accepted.stdout + accepted.stderr)

  const { pubKeyId } = await aesm.initQuote()
  const token = await readFile(join(served, 'provision/token'), 'utf8')
  await first.kill()
  await rejects(quoteOf(enclave), { code: 'ERR_AESM_ANSWER', errorCode: 30 })
  const second = await serving(t, { node, keys })
  notEqual(await readFile(join(served, 'provision/token'), 'utf8'), token)
  equal((await aesm.initQuote()).pubKeyId.toHex(), pubKeyId.toHex())
  await rejects(enclave.report(new Uint8Array(512), new Uint8Array(64)), {
    code: 'ERR_SIMULATOR_UNREACHABLE',
    message: /enclaves on it are gone, start the program again/,
  })
  const again = await loadHello(t, root)
  equal(again.mrEnclave.toHex(), enclave.mrEnclave.toHex())
  equal((await verdict(t, state, await quoteOf(again))).code, 0)

  equal((await alcove('sim', 'recover', '--state', state)).code, 0)
  const outdated = await verdict(t, state, await quoteOf(again))
  equal(outdated.code, 3)
  match(outdated.stdout, /OutOfDate/)
  await mountSecret(state, keys)
  await second.kill()
  await serving(t, { node, keys })
  equal((await verdict(t, state, await quoteOf(await loadHello(t, root)))).code, 0)
})

test('two nodes share a root certificate, and no key', { skip: noCharacterDevices }, async t => {
  const [state, keys] = [join(await temporary(t), 'state'), await temporary(t)]
  await mountSecret(state, keys)
  const parts = []
  for (const name of ['sgx-a', 'sgx-b.example.com']) {
    const node = await temporary(t)
    await nodeFiles(join(node, 'host'))
    await serving(t, { node, keys, name })
    const root = await container(t, node)
    const socket = join(root, 'run/alcove-simulator/platform.socket')
    const platform = await connectPlatform(socket, undefined)
    const { pubKeyId } = await (await startHelper(t, root)).initQuote()
    const { mrEnclave } = await loadHello(t, root)
    const { platformId } = await platform.tcb()
    parts.push({ root: await platform.root(), platformId, pubKeyId, mrEnclave })
    await platform.close()
  }
  const [a, b] = parts
  ok(a && b)
  equal(a.root, b.root)
  equal((await alcove('sim', 'root', '--state', state)).stdout.trim(), a.root.trim())
  equal(a.platformId, 'sgx-a')
  match(b.platformId, /^sgx-b-example-com-[0-9a-f]{12}$/)
  equal(a.mrEnclave.toHex(), b.mrEnclave.toHex())
  notEqual(a.pubKeyId.toHex(), b.pubKeyId.toHex())
})

test('a node without EPC is waited for, and said to be', { skip: noCharacterDevices }, async t => {
  const [state, node] = [join(await temporary(t), 'state'), await temporary(t)]
  const keys = join(node, 'keys')
  await mountSecret(state, keys)
  await nodeFiles(join(node, 'host'))
  const counted = join(node, 'host/sys/devices/system/node/node0/x86/sgx_total_bytes')
  await writeFile(counted, '0\n')
  const { said } = await startSimulator(t, { node, keys })
  await within(60_000, 'it says so', () => said().includes('"nothing to serve"'))
  equal(said().includes('"serving"'), false)
  await writeFile(counted, `${EPC_BYTES}\n`)
  await within(60_000, 'the simulator serves', () => said().includes('"serving"'))
})

test('keys that are not there, or not whole, are refused with the command that makes them', async t => {
  const keys = await temporary(t)
  const simulator = () => alcove('simulator', '--keys', keys, '--node', 'n', '--directory', keys)
  const absent = await simulator()
  equal(absent.code, 2)
  match(absent.stderr, /ENOENT.*alcove sim secret \| kubectl apply -f - /)
  await writeFile(join(keys, 'seed'), 'short')
  const short = await simulator()
  equal(short.code, 1)
  match(short.stderr, /5 bytes, not 32.*ERR_STATE_SEED/)
})

test('the Secret is a manifest with the names that were asked for, the same each time', async t => {
  const state = join(await temporary(t), 'state')
  const asked = [
    'sim',
    'secret',
    '--state',
    state,
    '--namespace',
    'tees',
    '--name',
    'keys',
  ] as const
  const { stdout } = await alcove(...asked)
  equal((await alcove(...asked)).stdout, stdout)
  match(stdout, /^kind: Secret$/m)
  match(stdout, /^metadata:\n {2}name: "keys"\n {2}namespace: "tees"$/m)
  const json = JSON.parse((await alcove(...asked, '--output', 'json')).stdout)
  deepEqual(json.metadata, { name: 'keys', namespace: 'tees' })
  for (const [key, value] of Object.entries(json.data)) {
    ok(stdout.includes(`\n  ${key}: "${String(value)}"\n`), key)
  }
  const refused = await alcove('sim', 'secret', '--state', state, '--name', 'x"\ny: z')
  equal(refused.code, 2)
  const node = await alcove('sim', 'collateral', '--state', state, '--node', 'sgx-a')
  equal(node.code, 2)
  match(node.stderr, /the same for all platforms/)
})
