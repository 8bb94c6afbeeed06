import { equal, match } from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { exampleCopy, runProgram } from '../../packages/enclave/testing/program.ts'
import {
  simulatedMachine,
  temporaryDirectory,
} from '../../packages/enclave/testing/simulated-machine.ts'

/** A machine, a counter's file, and a copy of the example in which `'mrsigner'` may be another policy. */
async function counter(t: TestContext, policy = 'mrsigner') {
  const { root } = await simulatedMachine(t)
  const file = join(await temporaryDirectory(t), 'counter.sealed')
  const directory = await exampleCopy(t, 'sealed-counter')
  const main = join(directory, 'main.ts')
  const change = async (from: string, to: string) =>
    writeFile(main, (await readFile(main, 'utf8')).replace(from, to))
  await change(`= 'mrsigner'`, `= '${policy}'`)
  const env = { ALCOVE_ROOT: root, COUNTER_FILE: file }
  return { file, change, run: () => runProgram(t, directory, env).finished }
}

test('the second run counts on from the first, and a changed program of the signer from both', async t => {
  const { file, change, run } = await counter(t)
  match((await run()).printed, /^Count 1, sealed under policy mrsigner/)
  match((await run()).printed, /^Count 2,/)
  equal((await readFile(file, 'latin1')).includes('Count'), false)
  await change('// A counter', '// A changed counter')
  match((await run()).printed, /^Count 3,/)
})

test('under policy mrenclave the same program counts on, and a changed one is refused', async t => {
  const { change, run } = await counter(t, 'mrenclave')
  match((await run()).printed, /^Count 1, sealed under policy mrenclave/)
  match((await run()).printed, /^Count 2,/)
  await change('// A counter', '// A changed counter')
  const refused = await run()
  equal(refused.code, 1)
  match(refused.printed, /sealed under policy mrenclave by [0-9a-f]{64}, and this enclave's is/)
  await change('// A changed counter', '// A counter')
  match((await run()).printed, /^Count 3,/)
})

test('a file that was changed is refused, and stays as it is', async t => {
  const { file, run } = await counter(t)
  await run()
  const blob = await readFile(file)
  blob[blob.byteLength - 1] = (blob[blob.byteLength - 1] ?? 0) ^ 1
  await writeFile(file, blob)
  const refused = await run()
  equal(refused.code, 1)
  match(refused.printed, /does not open here: it was changed/)
  equal(blob.equals(await readFile(file)), true)
})
