import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { InputError } from './input.ts'

/**
 * The project's folder, with examples and vectors; from wherever the program is in it, bundled or not. Whoever imports
 * this cannot do without: it is refused where the bundle was taken out of the project.
 *
 * @throws {InputError} `ERR_INPUT_ABSENT`, when it is imported
 */
export const projectRoot: string = expectRoot(import.meta.dirname)

function expectRoot(folder: string): string {
  const root = findRoot(folder)
  if (root !== undefined) return root
  throw new InputError(
    'ERR_INPUT_ABSENT',
    `no examples/hello-enclave in ${folder} or above it: it is not shipped with the program, and a first enclave needs it; run this in the project's folder, with npm start`,
  )
}

/** The folder, or the nearest one above it, that has the examples. */
function findRoot(folder: string): string | undefined {
  if (existsSync(join(folder, 'examples/hello-enclave'))) return folder
  return dirname(folder) === folder ? undefined : findRoot(dirname(folder))
}
