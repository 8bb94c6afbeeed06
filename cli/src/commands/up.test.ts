import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { once } from 'node:events'
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { AesmClient } from '@alcove/aesm'
import { EPC_RESOURCE } from '@alcove/device-plugin'
import { connectStandIn, type StandInStatus } from '@alcove/kubelet'
import { connectPlatform } from '@alcove/simulator/client'
import { alcove, alcoveAt, isAlive, startUp, type Up, within } from '../../testing/alcove.ts'
import { type NodePaths, nodePaths } from '../node/node-paths.ts'
import { projectRoot } from '../program-root.ts'

const HELLO = join(projectRoot, 'examples/hello-enclave')

/** One node for all tests that only use it. */
let up: Up
before(async () => {
  up = await startUp()
})
after(() => up[Symbol.asyncDispose]())

const run = (folder: string, ...args: readonly string[]) =>
  alcove('run', folder, '--state', up.state, ...args)

/** An enclave program in a folder of its own: hello-enclave with another manifest. */
async function variantOf(
  changes: Readonly<Record<string, unknown>>,
  main?: string,
): Promise<string> {
  const folder = await mkdtemp(join(projectRoot, 'examples/.test-'))
  await cp(HELLO, folder, { recursive: true })
  const manifest = JSON.parse(await readFile(join(folder, 'enclave.json'), 'utf8'))
  await writeFile(join(folder, 'enclave.json'), JSON.stringify({ ...manifest, ...changes }))
  if (main !== undefined) await writeFile(join(folder, 'main.ts'), main)
  return folder
}

test('up shows the road: EPC, devices, MRENCLAVE, the quote, each step, the verdict, and that it is simulated', () => {
  const said = up.stdout()
  for (const part of [
    /SIMULATED\. There is no SGX hardware/,
    /EPC advertised +56 of 56 MiB/,
    /EPC allocated +10 of 56 MiB/,
    /device nodes +\/dev\/sgx_enclave, \/dev\/sgx\/enclave/,
    /MRENCLAVE +[0-9a-f]{64}/,
    /quote +\d{4} bytes/,
    /✓ pck-chain +Alcove Simulated SGX Root CA/,
    /✓ quote-signature/,
    /ACCEPTED: TCB status UpToDate/,
    /npx alcove run .* --tcb OutOfDate/,
  ]) {
    match(said, part)
  }
  ok(said.includes(`${up.state}/aesmd/aesm.socket`))
})

test('the printed verify commands do what they say', async () => {
  const commands = Array.from(up.stdout().matchAll(/npx alcove (verify .*)/g), ([, line = '']) =>
    line.split(' '),
  )
  equal(commands.length, 2)
  for (const command of commands) {
    const { code, stdout } = await alcove(...command)
    equal(code, 0)
    match(stdout, /ACCEPTED/)
  }
})

test('a quote of the simulator is refused under Intel’s roots', async () => {
  const out = join(up.state, 'out')
  const { code, stdout } = await alcove(
    'verify',
    join(out, 'hello-enclave.quote'),
    '--collateral',
    join(out, 'collateral.json'),
  )
  equal(code, 3)
  match(stdout, /ERR_VERIFY_UNTRUSTED_ROOT/)
})

test('only this user may enter the state directory, and read its seed', async () => {
  equal((await stat(up.state)).mode & 0o777, 0o700)
  equal((await stat(join(up.state, 'seed'))).mode & 0o777, 0o600)
  equal((await stat(join(up.state, 'seed'))).size, 32)
})

test('a second up with the same state is refused and names the first', async () => {
  const { code, stderr } = await alcove('up', '--state', up.state)
  equal(code, 1)
  match(stderr, new RegExp(`a node is up already: process ${up.process.pid}`))
})

test('another enclave runs beside it and has another MRENCLAVE', async () => {
  const { code, stdout } = await run(join(projectRoot, 'examples/attested-key'), '--epc', '40')
  equal(code, 0)
  match(stdout, /EPC allocated +40 of 56 MiB/)
  match(stdout, /ACCEPTED/)
  const mrEnclave = /MRENCLAVE +([0-9a-f]{64})/
  ok(mrEnclave.exec(stdout)?.[1] !== mrEnclave.exec(up.stdout())?.[1])
})

test('more EPC than is left is refused, with what is left and the remedy', async () => {
  const { code, stderr } = await run(HELLO, '--epc', '64')
  equal(code, 1)
  match(
    stderr,
    /Insufficient kubernetes\.azure\.com\/sgx_epc_mem_in_MiB: asked 64, 56 left of 56; ask for less/,
  )
})

test('a program that was given no device says what is missing and the remedy', async () => {
  const { code, stdout } = await run(HELLO, '--epc', '0')
  equal(code, 1)
  match(stdout, /device nodes +none/)
  match(
    stdout,
    /no enclave device: neither \/dev\/sgx_enclave nor \/dev\/sgx\/enclave .* alcove run --epc 10/,
  )
})

test('a program above its own limit but within the node’s EPC is not refused, as on Linux', async () => {
  const folder = await variantOf({ heapMiB: 30 })
  try {
    const { code, stdout } = await run(folder, '--epc', '10')
    equal(code, 0)
    match(stdout, /ACCEPTED/)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('a program whose node’s EPC is spent says so, with the remedy, and its pages come back', async () => {
  const folder = await variantOf({ heapMiB: 60 })
  try {
    const { code, stdout } = await run(folder, '--epc', '10')
    equal(code, 1)
    match(stdout, /the node's EPC is spent: .*lower heapMiB/)
  } finally {
    await rm(folder, { recursive: true })
  }
  const paths = nodePaths(up.state)
  await using platform = await connectPlatform(
    paths.platformSocket,
    await readFile(join(paths.root, 'dev/sgx_enclave'), 'utf8'),
  )
  const { node } = await platform.epc()
  equal(node.freeBytes, node.totalBytes)
})

test('an enclave that differs in one byte differs in MRENCLAVE', async () => {
  const source = await readFile(join(HELLO, 'main.ts'), 'utf8')
  const folder = await variantOf({}, `${source}\n`)
  try {
    const { code, stdout } = await run(folder)
    equal(code, 0)
    const mrEnclave = /MRENCLAVE +([0-9a-f]{64})/
    ok(mrEnclave.exec(stdout)?.[1] !== mrEnclave.exec(up.stdout())?.[1])
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('on a platform whose TCB is out of date the quote verifies, and the policy refuses it', async () => {
  const { code, stdout } = await run(HELLO, '--tcb', 'OutOfDate')
  equal(code, 3)
  match(stdout, /✓ tcb-status +OutOfDate/)
  match(stdout, /REFUSED: TCB status OutOfDate; the policy says no/)
  deepEqual(await readdir(join(up.state, 't')), [])
})

test('a debug enclave is refused', async () => {
  const folder = await variantOf({ debug: true })
  try {
    const { code, stdout } = await run(folder)
    equal(code, 3)
    match(stdout, /REFUSED: TCB status UpToDate; the policy says no:\n.*debug/i)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('wrong input to run ends in a line', async () => {
  const cases: readonly [args: readonly string[], code: number, says: RegExp][] = [
    [['/nowhere'], 1, /\/nowhere\/enclave\.json: no such file/],
    [[HELLO, '--epc', 'ten'], 2, /--epc 'ten': want a whole number of MiB/],
    [[HELLO, '--tcb', 'Late'], 2, /'Late' is no TCB status/],
    [
      [HELLO, '--state', join(tmpdir(), 'alcove-none')],
      1,
      /no node is up .* start one with npm start/,
    ],
    [
      [HELLO, '--state', `/tmp/${'x'.repeat(90)}`],
      1,
      /the kernel refuses socket paths over 107 bytes/,
    ],
  ]
  for (const [args, code, says] of cases) {
    const finished = await run(...(args as [string, ...string[]]))
    equal(finished.code, code, finished.stderr)
    match(finished.stderr, says)
  }
})

test('stand-in kubelet, plugin, helper and platform killed with -9: a quote succeeds again within 2 s each time', async t => {
  for (const role of ['stand-in-kubelet', 'device-plugin', 'quote-helper', 'simulated-node']) {
    const pid = up.pids[role]
    ok(pid !== undefined, role)
    process.kill(pid, 'SIGKILL')
    const killedAt = performance.now()
    await within(2000, `a quote after ${role} was killed`, () => quoteWorks(nodePaths(up.state)))
    t.diagnostic(`${role}: a quote again after ${Math.round(performance.now() - killedAt)} ms`)
  }
})

/** Whether EPC is allocated, an enclave is built on it, and a quote is made. */
async function quoteWorks(paths: NodePaths): Promise<boolean> {
  try {
    if (!(await isAdmitted(paths.controlSocket))) return false
    const token = await readFile(join(paths.root, 'dev/sgx_enclave'), 'utf8')
    await using platform = await connectPlatform(paths.platformSocket, token)
    const created = await platform.createEnclave({ sizeBytes: 8192, ssaFrameSize: 1, debug: false })
    await created.add({ offset: 0, secinfoFlags: 0x203, count: 1 })
    const enclave = await created.init({ signer: 'test', isvProdId: 1, isvSvn: 1 })
    const aesm = new AesmClient({ path: paths.aesmSocket, timeoutMs: 1000 })
    const quote = await aesm.quoteWith(target => enclave.report(target, new Uint8Array(64)))
    return quote.byteLength > 1020
  } catch {
    return false
  }
}

/** Whether a program that asks for 10 MiB is admitted and started. */
async function isAdmitted(controlSocket: string): Promise<boolean> {
  const kubelet = await connectStandIn(controlSocket)
  const limits = { [EPC_RESOURCE]: 10 }
  const probe = { name: 'probe', command: ['/bin/true'], cwd: '/', env: {}, limits }
  for await (const event of kubelet.run(probe)) {
    if (event.event === 'exit') return event.code === 0
  }
  return false
}

test('up killed with -9: its children end, and a new up takes the state over', async () => {
  await using second = await startUp()
  second.process.kill('SIGKILL')
  await within(2000, 'every child ended', () =>
    Object.values(second.pids).every(pid => !isAlive(pid)),
  )
  const { code } = await alcove('up', '--once', '--state', second.state)
  equal(code, 0)
})

test('status shows EPC, programs and quotes, in a table and as JSON', async () => {
  const { code, stdout } = await alcove('status', '--state', up.state)
  equal(code, 0)
  match(stdout, /node1 +DC2s_v2 +in-kernel +0 of 56 MiB/)
  ok(stdout.split('\n').every(line => line.length <= 80))
  const json = JSON.parse((await alcove('status', '--state', up.state, '--output', 'json')).stdout)
  equal(json.simulated, true)
  equal(json.nodes[0].epc.allocatableMiB, 56)
  ok(json.nodes[0].quotes >= 1)
})

test('clients that leave early do not harm up', async () => {
  for (let count = 0; count < 50; count++) {
    const socket = connect(join(up.state, 'up.socket'))
    socket.on('error', () => undefined)
    if (count % 2 === 0) await once(socket, 'connect')
    socket.destroy()
  }
  equal((await alcove('status', '--state', up.state)).code, 0)
})

test('without --state the state is ~/.alcove', async () => {
  const home = await mkdtemp(join(tmpdir(), 'alcove-'))
  try {
    const { code, stdout } = await alcoveAt(home, 'up', '--once')
    equal(code, 0)
    match(stdout, new RegExp(`state +${home}/\\.alcove\n`))
  } finally {
    await rm(home, { recursive: true })
  }
})

test('SIGINT ends a program that never comes back to its event loop, and -9 of its kubelet does too', async () => {
  await using second = await startUp()
  const busy = `process.on('SIGTERM', () => undefined)
    console.log('pid ' + process.pid)
    setTimeout(() => { for (;;); }, 100)`
  const folder = await variantOf({}, busy)
  try {
    for (const end of [
      () => process.kill(second.pids['stand-in-kubelet'] ?? 0, 'SIGKILL'),
      () => second.process.kill('SIGINT'),
    ]) {
      const running = alcove('run', folder, '--state', second.state)
      const { programs } = await runningPrograms(second.state)
      const [program] = programs
      ok(program !== undefined)
      await new Promise(resolve => setTimeout(resolve, 500))
      end()
      await within(6000, 'the busy program ended', () => !isAlive(program.pid))
      await running
    }
  } finally {
    await rm(folder, { recursive: true })
  }
})

/** What the stand-in kubelet says once it runs a program. */
async function runningPrograms(state: string): Promise<StandInStatus> {
  let status: StandInStatus | undefined
  await within(10_000, 'a program runs', async () => {
    try {
      status = await (await connectStandIn(nodePaths(state).controlSocket)).status()
      return status.programs.length > 0
    } catch {
      return false
    }
  })
  ok(status !== undefined)
  return status
}

test('three nodes of different kinds: two serve, one says why not, and run places by what is left', async () => {
  await using fleet = await startUp('--nodes', '3')
  const said = fleet.stdout()
  match(said, /node1: DC2s_v2, in-kernel driver/)
  match(said, /node2: DC4s_v2, dcap-1\.33 driver/)
  match(
    said,
    /node3: DC2s_v2.*\n.*\n +EPC advertised +none:\n +kernel-driver: .*built without its SGX\s+driver/,
  )
  const on = (...args: readonly string[]) => alcove('run', HELLO, '--state', fleet.state, ...args)
  const placed = await on('--epc', '100')
  equal(placed.code, 0)
  match(placed.stdout, /node +node2/)
  match(placed.stdout, /device nodes +\/dev\/sgx_enclave, \/dev\/sgx\/enclave/)
  const none = await on('--epc', '200')
  equal(none.code, 1)
  match(
    none.stderr,
    /no node has 200 MiB of EPC left \(node1: 56 MiB left; node2: 112 MiB left; node3: offers no EPC\)/,
  )
  const named = await on('--node', 'node9')
  equal(named.code, 1)
  match(named.stderr, /no node 'node9' is up; there are node1, node2, node3/)
  const { stdout } = await alcove('status', '--state', fleet.state)
  match(stdout, /node3 +DC2s_v2 +in-kernel +none offered/)
})

test('SIGINT ends up with code 0 and leaves no process', async () => {
  await using second = await startUp('--size', 'Standard_DC4s_v2')
  match(second.stdout(), /EPC advertised +112 of 112 MiB/)
  second.process.kill('SIGINT')
  const [code] = await once(second.process, 'exit')
  equal(code, 0)
  equal(Object.values(second.pids).some(isAlive), false)
})

test('up --once exits 3 when the quote is refused', async () => {
  const state = await mkdtemp(join(tmpdir(), 'alcove-'))
  try {
    const { code, stdout } = await alcove(
      'up',
      '--once',
      '--state',
      state,
      '--tcb',
      'SWHardeningNeeded',
    )
    equal(code, 3)
    match(stdout, /REFUSED: TCB status SWHardeningNeeded/)
  } finally {
    await rm(state, { recursive: true })
  }
})
