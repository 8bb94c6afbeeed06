import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { AesmClient } from '@alcove/aesm'
import { EPC_RESOURCE } from '@alcove/device-plugin'
import { connectStandIn, type StandInStatus } from '@alcove/kubelet'
import { connectPlatform } from '@alcove/simulator/client'
import { alcove, isAlive, startUp, variantOf, within } from '../../testing/alcove.ts'
import { type NodePaths, nodePaths } from '../node/node-paths.ts'

/** On a machine that is busy with other tests a role may need another try: it has to make it in time once. */
const TRIES = 3
const IN_TIME_MS = 2000

for (const role of ['stand-in-kubelet', 'device-plugin', 'quote-helper', 'simulated-node']) {
  test(`${role} killed with -9: a quote succeeds again within 2 s`, async t => {
    const tookMs: number[] = []
    while (tookMs.length < TRIES && !tookMs.some(ms => ms <= IN_TIME_MS)) {
      tookMs.push(await recoveryMs(role))
    }
    t.diagnostic(`${role}: a quote again after ${tookMs.join(', ')} ms`)
    ok(
      tookMs.some(ms => ms <= IN_TIME_MS),
      `${tookMs.join(', ')} ms`,
    )
  })
}

/** How long a node is without quotes when one of its roles is killed. */
async function recoveryMs(role: string): Promise<number> {
  await using up = await startUp()
  const pid = up.pids[role]
  ok(pid !== undefined, role)
  process.kill(pid, 'SIGKILL')
  const killedAt = performance.now()
  await within(20_000, `a quote after ${role} was killed`, () => quoteWorks(nodePaths(up.state)))
  return Math.round(performance.now() - killedAt)
}

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
  await within(5000, 'every child ended', () =>
    Object.values(second.pids).every(pid => !isAlive(pid)),
  )
  const { code } = await alcove('up', '--once', '--state', second.state)
  equal(code, 0)
})

test('of four that take a dead one’s state over at once, one gets it and the others are refused', async () => {
  const first = await startUp()
  first.process.kill('SIGKILL')
  await within(5000, 'every child ended', () =>
    Object.values(first.pids).every(pid => !isAlive(pid)),
  )
  const ended = await Promise.all(
    Array.from({ length: 4 }, () => alcove('up', '--once', '--state', first.state)),
  )
  const refused = ended.filter(({ stderr }) => stderr.includes('ERR_UP_RUNNING'))
  deepEqual([ended.filter(({ code }) => code === 0).length, refused.length], [1, 3])
  await first[Symbol.asyncDispose]()
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
      // a kubelet that has just restarted rejects what asks before its plugin is back
      await within(20_000, 'the node serves', () => quoteWorks(nodePaths(second.state)))
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

test('SIGINT ends up with code 0 and leaves no process', async () => {
  await using second = await startUp('--size', 'Standard_DC4s_v2')
  match(second.stdout(), /EPC advertised +112 of 112 MiB/)
  second.process.kill('SIGINT')
  const [code] = await once(second.process, 'exit')
  equal(code, 0)
  equal(Object.values(second.pids).some(isAlive), false)
})
