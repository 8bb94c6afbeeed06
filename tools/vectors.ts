import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'

const directory = join(import.meta.dirname, '../../shared/vectors')

/** Test vectors that are kept beside the project, not in it; a bare clone has none. */
export interface SharedVectors {
  bytes(path: string): Promise<Uint8Array>
  json(path: string): Promise<unknown>
}

/**
 * Runs `define` where the shared vectors are there; elsewhere says in one line of the test output how many cases were not run.
 *
 * @param what what the cases show, as a title
 * @param cases how many there are, as last counted: said when they are not run
 */
export async function withSharedVectors(
  what: string,
  cases: number,
  define: (vectors: SharedVectors) => Promise<void> | void,
): Promise<void> {
  if (!existsSync(directory)) {
    const line = `${cases} cases not run: the shared vectors are not beside this clone`
    test(what, { skip: line }, () => undefined)
    return
  }
  await define({
    bytes: async path => Uint8Array.from(await readFile(join(directory, path))),
    json: async path => JSON.parse(await readFile(join(directory, path), 'utf8')),
  })
}
