import { createHash } from 'node:crypto'
import type { Environment } from '@alcove/process'
import { z } from 'zod'
import { runGo } from './go-command.ts'
import type { Recipe } from './recipe.ts'

/** Whatever of Go and its settings changes what it builds from the same module, by the names of `go env`. */
export type Toolchain = Readonly<Record<string, string>>
const Toolchain = z.record(z.string(), z.string())

const VARIABLES = ['GOVERSION', 'GOOS', 'GOARCH', 'GOAMD64', 'GOEXPERIMENT', 'GOFLAGS', 'CC']

/** @throws {BuildError} `ERR_E2E_GO` */
export async function readToolchain(
  directory: string,
  environment: Environment,
  signal: AbortSignal,
): Promise<Toolchain> {
  const args = ['env', '-json', ...VARIABLES]
  return Toolchain.parse(JSON.parse(await runGo({ args, directory, environment, signal })))
}

export interface BuildInputs {
  readonly toolchain: Toolchain
  readonly goMod: string
  readonly goSum: string
  readonly recipe: Recipe
}

/** Twelve hex digits that are others as soon as anything is that a part is built from. */
export function buildKey({ toolchain, goMod, goSum, recipe }: BuildInputs): string {
  const settings = Object.entries(toolchain).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const inputs = JSON.stringify([settings, goMod, goSum, recipe])
  return createHash('sha256').update(inputs).digest('hex').slice(0, 12)
}
