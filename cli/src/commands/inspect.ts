import { CodedError } from '@alcove/bytes'
import { decoded } from '../encoding.ts'
import { Exit, errorJson, errorText } from '../exit.ts'
import { expectOneStdin, parseInput, readSource, type Source } from '../input.ts'
import {
  type Inspection,
  inspectAs,
  inspectionJson,
  inspectionLines,
  recognise,
} from '../inspect/inspection.ts'
import type { KindName } from '../inspect/kind-names.ts'
import { kinds } from '../inspect/kinds.ts'
import { jsonText } from '../plain-text.ts'

/** An SGXS file has the whole enclave in it. */
const MOST_BYTES = 64 * 1024 * 1024

export interface InspectOptions {
  readonly as?: KindName
  readonly output: string
}

export interface InspectDeps {
  readonly print: (text: string) => void
  /** For what cannot be read. */
  readonly complain: (text: string) => void
  readonly stdin: Source
}

/** `alcove inspect FILE...`: every field of whatever it is. One that cannot be read does not keep the others back. */
export async function inspectCommand(
  paths: readonly string[],
  { as, output }: InspectOptions,
  { print, complain, stdin }: InspectDeps,
): Promise<number> {
  expectOneStdin(paths)
  const results: Result[] = []
  for (const path of paths) {
    const result = await resultOf(path, as, stdin)
    if ('error' in result && paths.length === 1) throw result.error
    results.push(result)
    if (output === 'json') continue
    if ('error' in result) complain(errorText(result.error, false))
    else print([...(path === paths[0] ? [] : ['']), ...inspectionLines(path, result)].join('\n'))
  }
  if (output === 'json') print(resultsJson(paths, results))
  return results.some(result => 'error' in result) ? Exit.failed : Exit.ok
}

/** Of one file an object, of several an array. */
function resultsJson(paths: readonly string[], results: readonly Result[]): string {
  const told = results.map((result, index) => resultJson(paths[index] ?? '', result))
  return jsonText(told.length === 1 ? told[0] : told)
}

type Result = Inspection | { readonly error: CodedError }

async function resultOf(path: string, as: KindName | undefined, stdin: Source): Promise<Result> {
  try {
    return await inspectFile(path, as, stdin)
  } catch (error) {
    if (error instanceof CodedError) return { error }
    throw error
  }
}

function resultJson(path: string, result: Result): Readonly<Record<string, unknown>> {
  if ('error' in result) return { file: path, ...errorJson(result.error) }
  return inspectionJson(path, result)
}

async function inspectFile(
  path: string,
  as: KindName | undefined,
  stdin: Source,
): Promise<Inspection> {
  const what = as === undefined ? 'file to inspect' : kinds[as].title
  const content = decoded(await readSource(path, what, MOST_BYTES, stdin))
  const kind = as ?? recognise(path, content)
  return parseInput(path, kinds[kind].title, () => inspectAs(kind, content, as !== undefined))
}
