import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { once } from 'node:events'
import { readdir, stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import {
  countingPlugin,
  Events,
  nothing,
  RESOURCE,
  scratch,
} from '../../testing/counting-plugin.ts'
import { servePlugin } from '../plugin/serve-plugin.ts'
import { serveStandInControl } from './control.ts'
import { connectStandIn } from './control-client.ts'
import type { RunEvent, RunRequest } from './control-protocol.ts'
import type { ProgramEvent } from './programs.ts'
import { startStandInKubelet } from './standin-kubelet.ts'

/** A node with 56 devices that bring one device node, and its control socket. */
async function node(t: TestContext) {
  const base = await scratch(t)
  const parts = new AsyncDisposableStack()
  const directory = join(base, 'd')
  const events = new Events<ProgramEvent>()
  const kubelet = parts.use(await startStandInKubelet({ directory, behaviour: { admitFromMs: 0 } }))
  const device = { hostPath: '/dev/null', containerPath: '/dev/sgx_enclave', permissions: 'rw' }
  const plugin = countingPlugin(56, { ...nothing, devices: [device] })
  parts.use(await servePlugin({ plugin, directory, endpoint: 'epc' }))
  const path = join(base, 'c')
  const programs = join(base, 'programs')
  const control = await serveStandInControl({
    kubelet,
    path,
    programsDirectory: programs,
    onEvent: events.take,
  })
  parts.use(control)
  await kubelet.waitFor(RESOURCE, ({ allocatable }) => allocatable === 56)
  return {
    kubelet,
    path,
    programs,
    events,
    control,
    client: await connectStandIn(path),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

function shell(script: string, limits: Record<string, number> = {}): RunRequest {
  return { name: 'hello', command: ['sh', '-c', script], cwd: '/', env: {}, limits }
}

async function ask(path: string, bytes: string | Uint8Array): Promise<string> {
  const socket = connect({ path, allowHalfOpen: true })
  await once(socket, 'connect')
  socket.end(bytes)
  return await text(socket)
}

test('a program is admitted, runs, and gives its devices back before its exit is told', async t => {
  await using n = await node(t)
  const events: RunEvent[] = []
  for await (const event of n.client.run(
    shell('ls $ALCOVE_ROOT/dev; exit 4', { [RESOURCE]: 10 }),
  )) {
    events.push(event)
    if (event.event === 'stdout') {
      const { resources, programs } = await n.client.status()
      equal(resources[0]?.allocated, 10)
      ok(programs.length <= 1)
    }
    if (event.event === 'exit') equal(n.kubelet.resource(RESOURCE).allocated, 0)
  }
  const [admitted, ...rest] = events
  deepEqual(admitted, {
    event: 'admitted',
    id: admitted?.event === 'admitted' ? admitted.id : '',
    resources: [{ name: RESOURCE, capacity: 56, allocatable: 56, allocated: 10 }],
    devices: [{ hostPath: '/dev/null', containerPath: '/dev/sgx_enclave', permissions: 'rw' }],
    mounts: [],
  })
  deepEqual(rest, [
    { event: 'stdout', text: 'sgx_enclave\n' },
    { event: 'exit', code: 4, signal: null },
  ])
  deepEqual(await readdir(n.programs), [])
})

test('the status lists the programs that run, and a loop that is left stops its program', async t => {
  await using n = await node(t)
  for await (const event of n.client.run(shell('echo up; sleep 60', { [RESOURCE]: 3 }))) {
    if (event.event !== 'stdout') continue
    const { programs } = await n.client.status()
    equal(programs.length, 1)
    equal(programs[0]?.name, 'hello')
    deepEqual(programs[0]?.limits, { [RESOURCE]: 3 })
    break
  }
  await n.events.until('program-ended')
  await n.kubelet.waitFor(RESOURCE, ({ allocated }) => allocated === 0)
  deepEqual((await n.client.status()).programs, [])
})

test('an abort stops the program and is the loop’s error', async t => {
  await using n = await node(t)
  const controller = new AbortController()
  await rejects(
    async () => {
      for await (const { event } of n.client.run(shell('echo; sleep 60'), controller.signal)) {
        if (event === 'stdout') controller.abort()
      }
    },
    { name: 'AbortError' },
  )
  await n.events.until('program-ended')
})

test('a program that asks for more than is left is refused with the kubelet’s code', async t => {
  await using n = await node(t)
  const events = await Array.fromAsync(n.client.run(shell('true', { [RESOURCE]: 64 })))
  deepEqual(events, [
    {
      event: 'refused',
      code: 'ERR_KUBELET_INSUFFICIENT',
      message: `Insufficient ${RESOURCE}: asked 64, 56 left of 56; ask for less, or use a node that has more`,
    },
  ])
})

test('a program that cannot be started is admitted, then refused, and its devices are free', async t => {
  await using n = await node(t)
  const request = { ...shell('', { [RESOURCE]: 1 }), command: ['no-such-program'] }
  const events = await Array.fromAsync(n.client.run(request), event =>
    event.event === 'refused' ? event.code : event.event,
  )
  deepEqual(events, ['admitted', 'ERR_KUBELET_PROGRAM'])
  equal(n.kubelet.resource(RESOURCE).allocated, 0)
})

test('much output arrives whole and in order, also when every character is escaped', async t => {
  await using n = await node(t)
  let bytes = 0
  const script = `head -c 300000 /dev/zero`
  for await (const event of n.client.run(shell(script))) {
    if (event.event === 'stdout') bytes += event.text.length
  }
  equal(bytes, 300_000)
})

for (const [what, line, says] of [
  ['not JSON', 'hello\n', 'control request: not a line of JSON'],
  ['not UTF-8', Uint8Array.of(0xff, 0x0a), 'control line: not UTF-8'],
  ['of an unknown operation', '{"op":"stop"}\n', 'control request: op: '],
  ['a status with more', '{"op":"status","x":1}\n', 'control request: : Unrecognized key: "x"'],
  ['too long', `${' '.repeat(65_537)}\n`, 'control line: more than 65536 bytes'],
  ['cut short', '{"op":', 'control request: the connection ended before it'],
] as const) {
  test(`a request that is ${what} is refused`, async t => {
    await using n = await node(t)
    const answer: unknown = JSON.parse(await ask(n.path, line))
    const { event, code, message } = Object.assign({ event: '', code: '', message: '' }, answer)
    deepEqual([event, code], ['refused', 'ERR_KUBELET_CONTROL'])
    ok(message.startsWith(says), message)
  })
}

for (const [what, change] of [
  ['no command', { command: [] }],
  ['a relative folder', { cwd: 'x' }],
  ['a limit of 0', { limits: { [RESOURCE]: 0 } }],
  ['a broken limit', { limits: { [RESOURCE]: 0.5 } }],
] as const) {
  test(`a run with ${what} is refused`, async t => {
    await using n = await node(t)
    const [event] = await Array.fromAsync(n.client.run({ ...shell('true'), ...change }))
    deepEqual(event?.event === 'refused' && event.code, 'ERR_KUBELET_CONTROL')
  })
}

test('a status request is answered although the peer sends no more', async t => {
  await using n = await node(t)
  deepEqual(JSON.parse(await ask(n.path, '{"op":"status"}\n')), {
    resources: [{ name: RESOURCE, capacity: 56, allocatable: 56, allocated: 0 }],
    programs: [],
  })
})

test('a stand-in that ends stops its programs, and their tools are told', async t => {
  await using n = await node(t)
  await rejects(
    async () => {
      for await (const { event } of n.client.run(shell('echo; sleep 60'))) {
        if (event === 'stdout') void n.control[Symbol.asyncDispose]()
      }
    },
    { code: 'ERR_KUBELET_CONTROL', message: /ended first$/ },
  )
  equal(n.events.count('program-ended'), 1)
  await rejects(connectStandIn(n.path), { code: 'ERR_KUBELET_ABSENT' })
})

test('the socket is the owner’s alone, and a second server there is refused', async t => {
  await using n = await node(t)
  equal((await stat(n.path)).mode & 0o777, 0o600)
  await rejects(
    serveStandInControl({ kubelet: n.kubelet, path: n.path, programsDirectory: n.programs }),
    { code: 'ERR_KUBELET_SOCKET', message: /EADDRINUSE/ },
  )
})
