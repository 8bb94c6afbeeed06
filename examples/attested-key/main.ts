// A key that never leaves its enclave: the quote carries the hash of the public key, so whoever believes the quote can
// encrypt to the enclave and to nobody else.
import { createHash, generateKeyPairSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { openEnclave } from '@alcove/enclave'

try {
  await using enclave = await openEnclave({
    directory: import.meta.dirname,
    root: process.env['ALCOVE_ROOT'],
  })
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  const fingerprint = createHash('sha256').update(spki).digest()
  console.log(`MRENCLAVE  ${enclave.mrEnclave.toHex()}`)
  console.log(`public key ${spki.toString('base64')}`)
  console.log(`its hash   ${fingerprint.toString('hex')}, bound by the quote as report data`)

  const quote = await enclave.quote(fingerprint)
  const file = process.env['QUOTE_FILE']
  if (file !== undefined) await writeFile(file, quote, { mode: 0o600 })
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
