// The smallest enclave program: says who it is, and asks for a quote that proves it.
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { openEnclave } from '@alcove/enclave'

const message = 'Hello from inside an enclave'

try {
  await using enclave = await openEnclave({
    directory: import.meta.dirname,
    root: process.env['ALCOVE_ROOT'],
  })
  console.log(message)
  console.log(`I am ${enclave.mrEnclave.toHex()}`)

  // A quote binds 64 bytes of the program's choice to its MRENCLAVE: here the hash of what it has to say.
  const quote = await enclave.quote(createHash('sha256').update(message).digest())

  // Whoever is to believe it gets it; `alcove run` reads it from this file and verifies it.
  const file = process.env['QUOTE_FILE']
  if (file !== undefined) await writeFile(file, quote, { mode: 0o600 })
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
