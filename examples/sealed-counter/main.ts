// A counter that survives restarts: each run reads the last count from a sealed file, adds one and seals it again. The host
// keeps the file and can read nothing in it; what it can do is bring an older file back, and the count with it.
import { readFile, rename, writeFile } from 'node:fs/promises'
import { openEnclave, type SealPolicy } from '@alcove/enclave'

// Stands in the program, so it is measured and the host has no say in it. A changed program goes on counting under
// 'mrsigner', where it has this one's signer and isvProdId; under 'mrenclave' only this very program does.
const policy: SealPolicy = 'mrsigner'
const label = 'sealed-counter, version 1'
const file = process.env['COUNTER_FILE'] ?? 'counter.sealed'

try {
  await using enclave = await openEnclave({
    directory: import.meta.dirname,
    root: process.env['ALCOVE_ROOT'],
  })
  const sealed = await readFile(file).catch(absent)
  const count = 1 + (sealed === undefined ? 0 : await lastCount(sealed))

  // Written beside and renamed, so that a program killed here has either count, and never half of one.
  const additionalData = new TextEncoder().encode(label)
  const plaintext = new TextEncoder().encode(String(count))
  await writeFile(`${file}.new`, await enclave.seal(plaintext, { policy, additionalData }))
  await rename(`${file}.new`, file)
  console.log(`Count ${count}, sealed under policy ${policy} in ${file}`)

  async function lastCount(blob: Uint8Array): Promise<number> {
    const { plaintext: last, additionalData: says } = await enclave.unseal(blob)
    // The signer's other programs with this isvProdId may seal things too: the label says that this is a count.
    if (new TextDecoder().decode(says) !== label) throw new Error(`${file} holds no count`)
    return Number(new TextDecoder().decode(last))
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

function absent(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
  throw error
}
