// Over 300 lines: the recovery story is told once, in the order of its guide, beside the refusals of each action.
import { deepEqual, equal, match, notEqual, ok, rejects } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFile, glob, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { AesmClient } from '@alcove/aesm'
import { ByteWriter } from '@alcove/bytes'
import { parseCollateral, parseTcbInfo } from '@alcove/dcap'
import { writeSimulatedRoot } from '@alcove/simulator'
import { connectPlatform, type LoadedEnclave, type PlatformClient } from '@alcove/simulator/client'
import { alcove, startUp, within } from '../../testing/alcove.ts'
import { projectRoot } from '../program-root.ts'
import { simCommand } from './sim.ts'
import { openPlatformState } from './sim-state.ts'
import { simulatedNodeCommand } from './simulated-node.ts'
import { verifyCommand } from './verify.ts'

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }

/** `alcove sim`, with what it printed. */
async function sim(
  ...[action, options]: [Parameters<typeof simCommand>[0], Parameters<typeof simCommand>[1]]
) {
  const lines: string[] = []
  equal(await simCommand(action, options, { print: text => lines.push(text) }), 0)
  return lines.join('\n')
}

const simJson = async (...[action, options]: Parameters<typeof sim>) =>
  JSON.parse(await sim(action, { ...options, output: 'json' }))

async function stateDirectory(t: TestContext): Promise<string> {
  const state = await mkdtemp(join(tmpdir(), 'alcove-sim-'))
  t.after(() => rm(state, { recursive: true, force: true }))
  return state
}

/** The process of a simulated node, in this process. */
async function startNode(t: TestContext, state: string, platform = 'node') {
  const root = join(state, `root-${platform}`)
  await writeSimulatedRoot(root, {
    size: 'DC1s_v2',
    os: 'in-kernel',
    enclaveToken: 'e'.repeat(32),
    provisionToken: 'p'.repeat(32),
  })
  const stop = new AbortController()
  const options = { root, state, tcb: 'UpToDate', platform } as const
  const ended = simulatedNodeCommand(options, { log: silent, stop: stop.signal })
  const end = async () => {
    stop.abort()
    await ended
  }
  t.after(end)
  const socket = join(root, 'run/alcove-simulator/platform.socket')
  await within(10_000, 'the platform answers', async () => {
    const client = await connectPlatform(socket, undefined).catch(() => undefined)
    await client?.close()
    return client !== undefined
  })
  return { end, connect: () => connectPlatform(socket, 'e'.repeat(32)) }
}

async function enclaveOn(client: PlatformClient): Promise<LoadedEnclave> {
  const created = await client.createEnclave({ sizeBytes: 8192, ssaFrameSize: 1, debug: false })
  return created.init({ signer: 'test', isvProdId: 1, isvSvn: 1 })
}

/** EGETKEY of a SEAL key under the policy MRENCLAVE, for ISVSVN 1: docs/formats/key-request.md. */
function sealKey(enclave: LoadedEnclave, cpuSvn: Uint8Array): Promise<Uint8Array> {
  return enclave.getKey(
    new ByteWriter('keyRequest')
      .u16le('keyName', 4)
      .u16le('keyPolicy', 1)
      .u16le('isvSvn', 1)
      .zeros(2)
      .bytes('cpuSvn', cpuSvn, 16)
      .zeros(488)
      .done(),
  )
}

async function cpuSvnOf(client: PlatformClient): Promise<Uint8Array> {
  return (await client.tcb()).cpuSvn
}

test('the guide to TCB recovery says what its commands do', async t => {
  const started = performance.now()
  await using up = await startUp()
  const ready = performance.now()
  const guide = await readFile(join(projectRoot, 'docs/guides/tcb-recovery.md'), 'utf8')
  const steps = stepsOf(guide)
  const client = await quotingClient(up.state)
  for (const { command, shown } of steps) {
    requireShown(shown, await replay(command, up.state), command)
  }
  equal(steps.length, 11)
  await client.goesOnAfterTheUpdate()
  const seconds = (from: number, to: number) => ((to - from) / 1000).toFixed(1)
  t.diagnostic(
    `the recovery story: ${steps.length} commands in ${seconds(ready, performance.now())} s, after ${seconds(started, ready)} s for alcove up`,
  )
})

/** A program that initialised quoting, and made a REPORT, before the update. */
async function quotingClient(state: string) {
  const [announced = ''] = await Array.fromAsync(glob(join(state, 'platforms/*.socket')))
  const socket = await readFile(announced, 'utf8')
  const token = await readFile(join(socket, '../../../dev/sgx_enclave'), 'utf8')
  const aesm = new AesmClient({ path: join(state, 'aesmd/aesm.socket'), timeoutMs: 5000 })
  const before = await aesm.initQuote()
  const reportFor = async (targetInfo: Uint8Array) => {
    await using platform = await connectPlatform(socket, token)
    const enclave = await enclaveOn(platform)
    return await enclave.report(targetInfo, new Uint8Array(64))
  }
  const stale = await reportFor(before.targetInfo)
  ok(await aesm.getQuote(stale))
  return {
    /** What it holds is refused with 47, as a changed quoting enclave does on silicon; it begins again with init. */
    async goesOnAfterTheUpdate() {
      const refused = { code: 'ERR_AESM_ANSWER', errorCode: 47 }
      await rejects(aesm.getQuote(stale), refused)
      await rejects(aesm.getQuote(await reportFor(before.targetInfo)), refused)
      const after = await aesm.initQuote()
      notEqual(after.pubKeyId.toHex(), before.pubKeyId.toHex())
      ok(await aesm.getQuote(await reportFor(after.targetInfo)))
    },
  }
}

interface GuideStep {
  readonly command: readonly string[]
  /** Runs of lines; between two of them others are left out. */
  readonly shown: readonly string[]
}

/** Commands of the guide's transcripts, with what it says that they print. */
function stepsOf(guide: string): GuideStep[] {
  return Array.from(guide.matchAll(/^```console\n(.*?)^```$/gms), ([, block = '']) => block)
    .flatMap(block => block.split(/^\$ /m).slice(1))
    .map(step => {
      const [line = '', ...shown] = step.trimEnd().split('\n')
      return { command: line.split(' '), shown: shown.join('\n').split(/^…$\n?/m) }
    })
}

async function replay(command: readonly string[], state: string): Promise<string> {
  const words = command.map(word => word.replace('~/.alcove', state))
  if (words[0] === 'cp') {
    const [, from = '', to = ''] = words
    await copyFile(from, to)
    return ''
  }
  const [, , name = '', argument = '', ...flags] = words
  if (name === 'run') return (await alcove(name, argument, ...flags, '--state', state)).stdout
  if (name === 'sim') {
    return sim(argument === 'recover' || argument === 'provision' ? argument : 'status', { state })
  }
  equal(name, 'verify')
  const [, collateral = '', , root = ''] = flags
  const lines: string[] = []
  const deps = {
    now: new Date(),
    print: (text: string) => lines.push(text),
    stdin: process.stdin,
    progress: () => undefined,
  }
  await verifyCommand([argument], { collateral, root, output: 'text' }, deps)
  return lines.join('\n')
}

function requireShown(shown: readonly string[], printed: string, command: readonly string[]): void {
  const timeless = (text: string) => text.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME').trimEnd()
  let rest = timeless(printed)
  for (const part of shown.map(timeless)) {
    const at = rest.indexOf(part)
    ok(at >= 0, `${command.join(' ')} does not print\n${part}\nbut\n${printed}`)
    rest = rest.slice(at + part.length)
  }
}

test('a platform’s state survives its process: SEAL keys, root, SVNs; and so does a recovery that it missed', async t => {
  const state = await stateDirectory(t)
  const first = await startNode(t, state)
  const before = await first.connect()
  const enclave = await enclaveOn(before)
  const cpuSvn = await cpuSvnOf(before)
  const key = await sealKey(enclave, cpuSvn)
  const root = await before.root()
  await first.end()
  await sim('recover', { state })

  const second = await startNode(t, state)
  await using after = await second.connect()
  const again = await enclaveOn(after)
  equal((await cpuSvnOf(after)).toHex(), cpuSvn.toHex())
  equal((await sealKey(again, cpuSvn)).toHex(), key.toHex())
  equal(await after.root(), root)
  deepEqual((await simJson('status', { state })).platforms, [
    {
      platformId: 'node',
      cpuSvn: cpuSvn.toHex(),
      pceSvn: 13,
      qeIsvSvn: 8,
      status: 'OutOfDate',
      up: true,
    },
  ])
})

test('what was sealed before an update is opened after it; keys of the new microcode are others', async t => {
  const state = await stateDirectory(t)
  const node = await startNode(t, state)
  const before = await node.connect()
  const enclave = await enclaveOn(before)
  const cpuSvn = await cpuSvnOf(before)
  const key = await sealKey(enclave, cpuSvn)
  await sim('recover', { state })
  const { platforms } = await simJson('provision', { state })
  equal(platforms[0].restarted, true)
  await before.ended
  await using after = await node.connect()
  const again = await enclaveOn(after)
  const raised = await cpuSvnOf(after)
  notEqual(raised.toHex(), cpuSvn.toHex())
  equal((await sealKey(again, cpuSvn)).toHex(), key.toHex())
  notEqual((await sealKey(again, raised)).toHex(), key.toHex())
  const later = raised.map((svn, index) => (index === 2 ? svn + 1 : svn))
  await rejects(sealKey(again, later), { code: 'ERR_SIMULATOR_KEY_CPUSVN' })
})

test('collateral says what was published at that moment, with the node left alone', async t => {
  const state = await stateDirectory(t)
  const node = await startNode(t, state)
  await using client = await node.connect()
  const evaluation = async () => {
    const { tcbInfo } = parseCollateral(JSON.stringify(await client.collateral()))
    return parseTcbInfo(tcbInfo).value.tcbEvaluationDataNumber
  }
  equal(await evaluation(), 1)
  await sim('recover', { state })
  equal(await evaluation(), 2)
  await sim('recover', { state })
  equal(await evaluation(), 3)
})

test('nodes that start at once have platforms of their own under one root, and are provisioned one by one', async t => {
  const state = await stateDirectory(t)
  const ids = ['node', 'node-2', 'node-3']
  const nodes = await Promise.all(ids.map(id => startNode(t, state, id)))
  const roots = await Promise.all(
    nodes.map(async node => {
      await using client = await node.connect()
      return await client.root()
    }),
  )
  equal(new Set(roots).size, 1)
  await sim('recover', { state })
  await sim('provision', { state, node: 'node-2' })
  const statuses = async () =>
    (await simJson('status', { state })).platforms.map((one: { status: string }) => one.status)
  deepEqual(await statuses(), ['OutOfDate', 'UpToDate', 'OutOfDate'])
  await rejects(sim('provision', { state, node: 'node-9' }), {
    code: 'ERR_USAGE',
    message: /no such platform; there are: node, node-2, node-3/,
  })
  await nodes[2]?.end()
  match(
    await sim('provision', { state }),
    /platform node-3\n(?: .*\n)+ +node +not up: takes effect/i,
  )
  deepEqual(await statuses(), ['UpToDate', 'UpToDate', 'UpToDate'])
})

test('only this user can read the state files, and a node that ended leaves no word of its socket', async t => {
  const state = await stateDirectory(t)
  const node = await startNode(t, state)
  await sim('recover', { state })
  for (const file of ['pcs.json', 'platforms/node.json', 'authorities.json']) {
    equal((await stat(join(state, file))).mode & 0o777, 0o600, file)
  }
  equal((await stat(join(state, 'platforms'))).mode & 0o777, 0o700)
  await node.end()
  deepEqual(await readdir(join(state, 'platforms')), ['node.json'])
})

test('nothing to provision, a name that is none, and a damaged state file are refused by name', async t => {
  const state = await stateDirectory(t)
  await rejects(sim('provision', { state }), { code: 'ERR_USAGE', message: /npm start makes one/ })
  match(await sim('status', { state }), /none yet/)
  await rejects(sim('status', { state, node: 'node' }), {
    code: 'ERR_USAGE',
    message: /no simulated platform/,
  })
  const refused = simulatedNodeCommand(
    { root: state, state, tcb: 'UpToDate', platform: '../x' },
    { log: silent, stop: AbortSignal.abort() },
  )
  await rejects(refused, { code: 'ERR_USAGE' })
  await writeFile(join(state, 'pcs.json'), '{"version":2}')
  await rejects(sim('recover', { state }), {
    code: 'ERR_SIMULATOR_STATE',
    message: /^\/.*\/pcs\.json: version: .*recoveries: .*delete the file/,
  })
})

test('recover refuses --node; status shows the one that it names, and knows no other', async t => {
  const state = await stateDirectory(t)
  const long = `n${'0'.repeat(61)}n`
  for (const id of ['node', long]) await openPlatformState(state, id)
  await rejects(sim('recover', { state, node: 'node' }), {
    code: 'ERR_USAGE',
    message: /published for all platforms/,
  })
  const shown = await simJson('status', { state, node: 'node' })
  deepEqual(
    shown.platforms.map((one: { platformId: string }) => one.platformId),
    ['node'],
  )
  await rejects(sim('status', { state, node: 'node-9' }), {
    code: 'ERR_USAGE',
    message: /no such platform; there are: (node, n0+n|n0+n, node)/,
  })
  const printed = [await sim('recover', { state }), await sim('status', { state })]
  printed.push(await sim('provision', { state }), await sim('status', { state }))
  for (const line of printed.join('\n').split('\n')) ok(line.length <= 80, line)
  ok(!printed.join().includes('newer than'))
  await rm(join(state, 'pcs.json'))
  match(await sim('status', { state }), /newer than what the PCS has published: pcs\.json was/)
})

test('a platform that starts removes what processes said that are no more, and no one else’s word', async t => {
  const state = await stateDirectory(t)
  await (await startNode(t, state)).end()
  const platforms = join(state, 'platforms')
  const dead = spawnSync(process.execPath, ['--version']).pid
  await writeFile(join(platforms, `node.${dead}.socket`), '/gone')
  await writeFile(join(platforms, `other.${process.ppid}.socket`), '/there')
  const node = await startNode(t, state)
  await within(5000, 'the stale word is gone', async () => {
    const names = await readdir(platforms)
    return names.includes(`node.${process.pid}.socket`) && !names.includes(`node.${dead}.socket`)
  })
  await node.end()
  deepEqual(await readdir(platforms), ['node.json', `other.${process.ppid}.socket`])
})
