import { equal, match } from 'node:assert/strict'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { exampleCopy, type Running, runProgram } from '../../packages/enclave/testing/program.ts'
import { simulatedMachine } from '../../packages/enclave/testing/simulated-machine.ts'

/** Starts the example as a listener; `start` starts another, on this machine or another one. */
async function listener(t: TestContext) {
  const { root } = await simulatedMachine(t)
  const directory = await exampleCopy(t, 'mutual-attestation')
  const env = { ALCOVE_ROOT: root, PEER_SOCKET: join(directory, 'peer.socket') }
  const first = runProgram(t, directory, env)
  await first.printed('I wait for my peer')
  const start = (folder = directory, changed: Partial<typeof env> = {}): Running =>
    runProgram(t, folder, { ...env, ...changed })
  return { first, start, directory, socket: env.PEER_SOCKET }
}

test('started twice, the two enclaves believe each other and share a key', async t => {
  const { first, start } = await listener(t)
  const ends = await Promise.all([first.finished, start().finished])
  for (const { code, printed } of ends) {
    equal(code, 0, printed)
    match(printed, /I believe my peer: the same program, in an enclave on this machine/)
  }
  const [key, other] = ends.map(({ printed }) => /SHA-256 is ([0-9a-f]{64})/.exec(printed)?.[1])
  equal(key, other)
})

test('a changed program is not believed, and knows why', async t => {
  const { first, start } = await listener(t)
  const changed = await exampleCopy(t, 'mutual-attestation')
  const main = join(changed, 'main.ts')
  await writeFile(main, `${await readFile(main, 'utf8')}// changed\n`)
  for (const { code, printed } of await Promise.all([first.finished, start(changed).finished])) {
    equal(code, 1)
    match(printed, /the peer is another program: [0-9a-f]{64}/)
  }
})

test('an enclave on another machine is not believed', async t => {
  const { first, start, directory } = await listener(t)
  const { root } = await simulatedMachine(t, { seed: new Uint8Array(32).fill(9) })
  const ends = [first.finished, start(directory, { ALCOVE_ROOT: root }).finished]
  for (const { code, printed } of await Promise.all(ends)) {
    equal(code, 1)
    match(printed, /was not made for this enclave on this machine/)
  }
})

test('a peer without an enclave that sends everything back is not believed, nor one that hangs up', async t => {
  const mirrored = await listener(t)
  const mirror = connect(mirrored.socket)
  mirror.pipe(mirror)
  const { code, printed } = await mirrored.first.finished
  equal(code, 1)
  match(printed, /is of another conversation/)

  const left = await listener(t)
  const passer = connect(left.socket)
  await once(passer, 'connect')
  passer.resume().end()
  const end = await left.first.finished
  equal(end.code, 1)
  match(end.printed, /the peer hung up/)
})
