import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import type { EnclaveFolder } from './manifest.ts'

/** The folder of an enclave's program, on disk. Symbolic links in it are not followed, and not listed. */
export function enclaveFolder(directory: string): EnclaveFolder {
  return {
    async list() {
      const entries = await readdir(directory, { recursive: true, withFileTypes: true })
      return entries
        .filter(entry => entry.isFile())
        .map(entry => relative(directory, join(entry.parentPath, entry.name)).replaceAll(sep, '/'))
    },
    read: async path => Uint8Array.from(await readFile(join(directory, path))),
  }
}
