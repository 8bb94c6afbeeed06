import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** The project's folder, with examples and vectors; from wherever the program is in it, bundled or not. */
export const projectRoot: string = findRoot(import.meta.dirname)

function findRoot(folder: string): string {
  if (existsSync(join(folder, 'examples/hello-enclave')) || dirname(folder) === folder)
    return folder
  return findRoot(dirname(folder))
}
