import {
  certificatesFromPem,
  defaultPolicy,
  intelRoots,
  type LevelStatus,
  levelStatuses,
  type Policy,
  parseCollateral,
  tcbStatuses,
} from '@alcove/dcap'
import { Exit, UsageError } from '../exit.ts'
import { parseInput, readInput } from '../input.ts'
import { isTrusted, judge, judgementJson, judgementLines } from '../judge.ts'

const QUOTE_BYTES = 64 * 1024
const COLLATERAL_BYTES = 1024 * 1024
const ROOT_BYTES = 64 * 1024

export interface VerifyOptions {
  readonly collateral?: string
  readonly root?: string
  readonly at?: string
  readonly accept?: string
  readonly mrenclave?: string
  readonly mrsigner?: string
  readonly allowExpired?: boolean
  readonly allowDebug?: boolean
  readonly output: string
}

const NO_COLLATERAL =
  'alcove verify needs --collateral FILE: TCB info, QE identity and CRLs for the quote’s platform, as one JSON file; `alcove up` writes one for its own quotes, vectors/ has some for real ones, and docs/formats/collateral.md says how to assemble one from Intel’s PCS'

/** `alcove verify QUOTE`: whether to believe a quote, and every reason why not. */
export async function verifyCommand(
  quotePath: string,
  options: VerifyOptions,
  deps: { now: Date; print: (text: string) => void },
): Promise<number> {
  if (options.collateral === undefined) throw new UsageError(NO_COLLATERAL)
  const policy = policyOf(options)
  const at = options.at === undefined ? deps.now : parseTime(options.at)
  const quote = await readInput(quotePath, 'quote', QUOTE_BYTES)
  const collateralText = await readInput(
    options.collateral,
    'collateral JSON file',
    COLLATERAL_BYTES,
  )
  const collateral = parseInput(options.collateral, 'collateral JSON file', () =>
    parseCollateral(new TextDecoder().decode(collateralText)),
  )
  const roots = options.root === undefined ? intelRoots : await readRoots(options.root)
  const judgement = parseInput(quotePath, 'quote', () =>
    judge(quote, collateral, { at, roots, policy }),
  )
  if (options.output === 'json') deps.print(JSON.stringify(judgementJson(judgement), undefined, 2))
  else {
    for (const line of judgementLines(judgement)) deps.print(line)
    if (isTrusted(judgement) && policy.mrEnclaves === 'any' && policy.mrSigners === 'any') {
      deps.print('Any enclave was accepted: name yours with --mrenclave or --mrsigner')
    }
  }
  return isTrusted(judgement) ? Exit.ok : Exit.refused
}

async function readRoots(path: string): Promise<readonly Uint8Array[]> {
  const text = new TextDecoder().decode(
    await readInput(path, 'root certificate in PEM', ROOT_BYTES),
  )
  return parseInput(path, 'root certificate in PEM', () => certificatesFromPem(text))
}

type PolicyOptions = Pick<
  VerifyOptions,
  'accept' | 'allowExpired' | 'allowDebug' | 'mrenclave' | 'mrsigner'
>

/** The default policy, widened and narrowed by what the flags spell out. */
export function policyOf(options: PolicyOptions): Policy {
  const accepted = options.accept?.split(',').map(one => parseOneOf(tcbStatuses, one)) ?? []
  if (accepted.includes('Revoked')) {
    throw new UsageError('--accept Revoked: a revoked platform is never accepted')
  }
  return {
    ...defaultPolicy,
    acceptStatuses: [...new Set([...defaultPolicy.acceptStatuses, ...accepted])],
    allowExpired: options.allowExpired ?? false,
    allowDebug: options.allowDebug ?? false,
    mrEnclaves: measurements('--mrenclave', options.mrenclave),
    mrSigners: measurements('--mrsigner', options.mrsigner),
  }
}

function measurements(flag: string, text: string | undefined): readonly string[] | 'any' {
  if (text === undefined) return 'any'
  const hex = text.toLowerCase().split(',')
  if (hex.every(one => /^[0-9a-f]{64}$/.test(one))) return hex
  throw new UsageError(`${flag} '${text}': want 64 hex digits, or several with commas between`)
}

/** The status of a TCB level by its name. @throws {UsageError} naming them all */
export function parseLevelStatus(text: string): LevelStatus {
  return parseOneOf(levelStatuses, text)
}

function parseOneOf<Status extends string>(statuses: readonly Status[], text: string): Status {
  const status = statuses.find(one => one === text.trim())
  if (status !== undefined) return status
  throw new UsageError(`'${text}' is no TCB status; the statuses are ${statuses.join(', ')}`)
}

/** RFC 3339 with a zone: `2025-07-04T10:28:44Z`. A day that its month does not have is refused. */
function parseTime(text: string): Date {
  const parts = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/.exec(
    text,
  )
  const time = new Date(parts === null ? Number.NaN : text)
  const day = new Date(`${parts?.[1]}T00:00:00Z`)
  const isDay = !Number.isNaN(day.getTime()) && day.toISOString().startsWith(`${parts?.[1]}`)
  if (isDay && !Number.isNaN(time.getTime())) return time
  throw new UsageError(`--at '${text}': want a time with its zone, such as 2025-07-04T10:28:44Z`)
}
