import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Gramine's files below `/dev/attestation`, by their names there. */
export interface AttestationFiles {
  /** The file's bytes, or `undefined` if there is no such file. Other failures throw. */
  read(name: string): Promise<Uint8Array | undefined>
  /** Writes all of it at once: each write replaces what was there. */
  write(name: string, content: Uint8Array): Promise<void>
}

export function attestationFiles(directory: string): AttestationFiles {
  return {
    read: name => readFile(join(directory, name)).then(content => Uint8Array.from(content), absent),
    write: (name, content) => writeFile(join(directory, name), content),
  }
}

function absent(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
  throw error
}
