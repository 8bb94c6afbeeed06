import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { connectPlatform } from '@alcove/simulator/client'
import { alcove, alcoveAt, hello, startUp, type Up, variantOf } from '../../testing/alcove.ts'
import { nodePaths } from '../node/node-paths.ts'
import { projectRoot } from '../program-root.ts'

/** One node for all tests that only use it. */
let up: Up
before(async () => {
  up = await startUp()
})
after(() => up[Symbol.asyncDispose]())

const run = (folder: string, ...args: readonly string[]) =>
  alcove('run', folder, '--state', up.state, ...args)

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
  const { code, stderr } = await run(hello, '--epc', '64')
  equal(code, 1)
  match(
    stderr,
    /Insufficient kubernetes\.azure\.com\/sgx_epc_mem_in_MiB: asked 64, 56 left of 56; ask for less/,
  )
})

test('a program that was given no device says what is missing and the remedy', async () => {
  const { code, stdout } = await run(hello, '--epc', '0')
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
  const source = await readFile(join(hello, 'main.ts'), 'utf8')
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
  const { code, stdout } = await run(hello, '--tcb', 'OutOfDate')
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
    [[hello, '--epc', 'ten'], 2, /--epc 'ten': want a whole number of MiB/],
    [[hello, '--tcb', 'Late'], 2, /'Late' is no TCB status/],
    [
      [hello, '--state', join(tmpdir(), 'alcove-none')],
      1,
      /no node is up .* start one with npm start/,
    ],
    [
      [hello, '--state', `/tmp/${'x'.repeat(90)}`],
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

test('run --output json says the verdict, the files and what was measured', async () => {
  const { code, stdout } = await run(hello, '--output', 'json')
  equal(code, 0)
  const { exitCode, mrEnclave, files, verdict } = JSON.parse(stdout)
  deepEqual(
    [exitCode, verdict.status, verdict.trusted, verdict.mrEnclave],
    [0, 'UpToDate', true, mrEnclave],
  )
  ok(files.quote.endsWith('hello-enclave.quote'))
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

test('up --once exits 3 when the quote is refused', async () => {
  const state = await mkdtemp(join(tmpdir(), 'alcove-'))
  try {
    const asked = ['up', '--once', '--state', state, '--tcb', 'SWHardeningNeeded']
    const { code, stdout } = await alcove(...asked)
    equal(code, 3)
    match(stdout, /REFUSED: TCB status SWHardeningNeeded/)
    const json = await alcove(...asked, '--output', 'json')
    equal(json.code, 3)
    const told = JSON.parse(json.stdout)
    deepEqual([told.nodes[0].name, told.run.verdict.trusted], ['node1', false])
  } finally {
    await rm(state, { recursive: true })
  }
})
