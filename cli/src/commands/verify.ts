import {
  certificatesFromPem,
  createVerifier,
  defaultPolicy,
  intelRoots,
  type Policy,
  parseCertificate,
  parseCollateral,
  parsePolicy,
  type Verifier,
} from '@alcove/dcap'
import { Exit, errorJson, errorText, UsageError } from '../exit.ts'
import { explanationLines } from '../explain.ts'
import { expectOneStdin, parseInput, readEncoded, type Source } from '../input.ts'
import { isTrusted, type Judgement, judgementLines, judgeQuickly, judgeStepwise } from '../judge.ts'
import { judgementJson } from '../judgement-json.ts'
import { jsonText, plainText } from '../plain-text.ts'
import { type PolicyOptions, policyOf } from '../policy-options.ts'
import {
  type Result,
  resultLine,
  resultOf,
  resultsExitCode,
  summaryLine,
} from './verify-results.ts'

const QUOTE_BYTES = 64 * 1024
const COLLATERAL_BYTES = 4 * 1024 * 1024
const ROOT_BYTES = 64 * 1024
/** More than a policy may have, so that the policy's own error says so. */
const POLICY_BYTES = 1024 * 1024

export interface VerifyOptions extends PolicyOptions {
  readonly collateral?: string
  readonly policy?: string
  readonly root?: string
  readonly at?: string
  readonly explain?: boolean
  readonly output: string
}

export interface VerifyDeps {
  readonly now: Date
  readonly print: (text: string) => void
  readonly stdin: Source
  /** Told of several quotes how many are done. */
  readonly progress: (done: number, of: number) => void
}

/** What all quotes of a call are judged by. */
interface Bench {
  readonly verifier: Verifier
  readonly policy: Policy
  readonly at: Date
  readonly stdin: Source
}

const NO_COLLATERAL =
  'alcove verify needs --collateral FILE: TCB info, QE identity and CRLs for the quote’s platform, as one JSON file; `alcove up` writes one for its own quotes, vectors/ has some for real ones, and docs/formats/collateral.md says how to assemble one from Intel’s PCS'

/** `alcove verify QUOTE...`: whether to believe them, and every reason why not. */
export async function verifyCommand(
  paths: readonly string[],
  options: VerifyOptions,
  deps: VerifyDeps,
): Promise<number> {
  if (options.collateral === undefined) throw new UsageError(NO_COLLATERAL)
  expectOneStdin([...paths, options.collateral, options.policy, options.root])
  const policy = policyOf(options, await readPolicy(options.policy, deps.stdin))
  const at = options.at === undefined ? deps.now : parseTime(options.at)
  const verifier = await readVerifier(options.collateral, options.root, deps.stdin)
  const bench = { verifier, policy, at, stdin: deps.stdin }
  const [path = '', ...others] = paths
  return others.length === 0
    ? verifyOne(path, bench, options, deps)
    : verifySeveral(paths, bench, options, deps)
}

async function verifyOne(
  path: string,
  bench: Bench,
  { output, explain }: VerifyOptions,
  { print }: VerifyDeps,
): Promise<number> {
  const { bytes, judgement } = await judgedFile(path, bench, judgeStepwise)
  if (output === 'json') print(jsonText(judgementJson(judgement, explain)))
  else {
    const lines =
      explain === true ? explanationLines(bytes, judgement, bench.at) : judgementLines(judgement)
    for (const line of lines) print(line)
    const hint = anyoneHint(judgement, bench.policy)
    if (hint !== undefined) print(hint)
  }
  return isTrusted(judgement) ? Exit.ok : Exit.refused
}

/** One that cannot be read does not keep the others back. */
async function verifySeveral(
  paths: readonly string[],
  bench: Bench,
  { output, explain }: VerifyOptions,
  { print, progress }: VerifyDeps,
): Promise<number> {
  const results: Result[] = []
  for (const path of paths) {
    const result = await resultOf(path, async () => {
      const how = explain === true ? judgeStepwise : judgeQuickly
      const { bytes, judgement } = await judgedFile(path, bench, how)
      if (explain === true && output !== 'json') {
        print(
          [`${plainText(path)}:`, '', ...explanationLines(bytes, judgement, bench.at), ''].join(
            '\n',
          ),
        )
      }
      return judgement
    })
    results.push(result)
    if (output !== 'json' && explain !== true) print(resultLine(result))
    progress(results.length, paths.length)
  }
  if (output === 'json') print(jsonText(results.map(result => resultJson(result, explain))))
  else printSummary(results, bench.policy, explain === true, print)
  return resultsExitCode(results)
}

function printSummary(
  results: readonly Result[],
  policy: Policy,
  isExplained: boolean,
  print: (text: string) => void,
): void {
  if (isExplained) for (const result of results) print(resultLine(result))
  for (const result of results) {
    if ('error' in result) print(`  ${errorText(result.error, false)}`)
  }
  print(summaryLine(results))
  const hints = results.map(result =>
    'error' in result ? undefined : anyoneHint(result.judgement, policy),
  )
  for (const hint of new Set(hints)) if (hint !== undefined) print(hint)
}

function resultJson(result: Result, explain = false): Readonly<Record<string, unknown>> {
  const told =
    'error' in result ? errorJson(result.error) : judgementJson(result.judgement, explain)
  return { quote: result.path, ...told }
}

async function judgedFile(
  path: string,
  { verifier, policy, at, stdin }: Bench,
  judge: typeof judgeQuickly,
): Promise<{ bytes: Uint8Array; judgement: Judgement }> {
  const bytes = await readEncoded(path, 'quote', QUOTE_BYTES, stdin)
  return {
    bytes,
    judgement: parseInput(path, 'quote', () => judge(bytes, verifier, { at, policy })),
  }
}

/** Who relies on a quote says whose it is to be. */
function anyoneHint(judgement: Judgement, policy: Policy): string | undefined {
  const { outcome } = judgement
  if (!isTrusted(judgement) || 'failure' in outcome) return undefined
  if (outcome.verified.claims.tee === 'TDX') {
    // MRSEAM tells Intel's modules apart, not TDs.
    const { mrSeam: _, ...asked } = policy.td?.measurements ?? {}
    if (Object.values(asked).some(allowed => allowed !== 'any')) return undefined
    return 'Any TD was accepted: name yours in a policy, by td.measurements'
  }
  if (policy.mrEnclaves !== 'any' || policy.mrSigners !== 'any') return undefined
  return 'Any enclave was accepted: name yours with --mrenclave or --mrsigner'
}

async function readPolicy(path: string | undefined, stdin: Source): Promise<Policy> {
  if (path === undefined) return defaultPolicy
  const bytes = await readEncoded(path, 'policy', POLICY_BYTES, stdin)
  return parseInput(path, 'policy', () => parsePolicy(new TextDecoder().decode(bytes)))
}

async function readVerifier(
  path: string,
  root: string | undefined,
  stdin: Source,
): Promise<Verifier> {
  const what = 'collateral JSON file'
  const roots = root === undefined ? intelRoots : await readRoots(root, stdin)
  const bytes = await readEncoded(path, what, COLLATERAL_BYTES, stdin)
  return parseInput(path, what, () => {
    const collateral = parseCollateral(new TextDecoder().decode(bytes))
    return createVerifier(collateral, { roots })
  })
}

async function readRoots(path: string, stdin: Source): Promise<readonly Uint8Array[]> {
  const what = 'root certificate in PEM'
  const text = new TextDecoder().decode(await readEncoded(path, what, ROOT_BYTES, stdin))
  return parseInput(path, what, () => {
    const roots = certificatesFromPem(text, 'root')
    for (const [index, der] of roots.entries()) parseCertificate(der, `root[${index}]`)
    return roots
  })
}

/** RFC 3339 with a zone: `2025-07-04T10:28:44Z`. A day that its month does not have is refused. */
function parseTime(text: string): Date {
  const parts =
    /^(\d{4}-\d{2}-\d{2})T(?:[01]\d|2[0-3]):\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/.exec(
      text,
    )
  const time = new Date(parts === null ? Number.NaN : text)
  const day = new Date(`${parts?.[1]}T00:00:00Z`)
  const isDay = !Number.isNaN(day.getTime()) && day.toISOString().startsWith(`${parts?.[1]}`)
  if (isDay && !Number.isNaN(time.getTime())) return time
  throw new UsageError(`--at '${text}': want a time with its zone, such as 2025-07-04T10:28:44Z`)
}
