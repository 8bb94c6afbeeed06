import { type Difference, reasonOf, unexplained, type VerifierName } from './agreement-reasons.ts'
import type { Evidence, Verdict } from './evidence.ts'
import type { FigureReport } from './figure.ts'
import { table } from './table.ts'

/** What verifiers say of the same cases, in their order. */
export interface Agreement {
  readonly cases: readonly Evidence[]
  readonly notRun: number
  readonly verdicts: ReadonlyMap<VerifierName, readonly Verdict[]>
  readonly absent: ReadonlyMap<VerifierName, string>
}

/** How another verdict differs: which of two is the stricter is what matters first. */
type How = 'refuses' | 'accepts' | 'otherwise'

interface Finding extends Difference {
  readonly name: string
  readonly reason: string
  readonly how: How
}

/** Whether both refuse, for whatever reason, or state the same status with the same set of advisories. */
export function agree(one: Verdict, other: Verdict): boolean {
  if ('refused' in one || 'refused' in other) return 'refused' in one && 'refused' in other
  const [a, b] = [new Set(one.advisories), new Set(other.advisories)]
  return one.status === other.status && a.symmetricDifference(b).size === 0
}

/** Where each verifier says something else than what must come out, and why. */
export function agreementReport({ cases, notRun, verdicts, absent }: Agreement): FigureReport {
  const findings = new Map(
    [...verdicts].map(([verifier, all]) => [verifier, findingsOf(verifier, cases, all)]),
  )
  const ours = verdicts.get('@alcove/dcap')
  const text = [
    `${cases.length} cases: a status with its advisories, or a refusal, beside what must come out`,
    ...(notRun > 0
      ? [`${notRun} cases not run: the shared vectors are not beside this clone`]
      : []),
    ...[...absent].map(([verifier, why]) => `${verifier}: not run: ${why}`),
    '',
    table(
      ['', 'as it must be', 'differs', 'as @alcove/dcap'],
      [...verdicts].map(([verifier, all]) => [
        verifier,
        String(cases.length - (findings.get(verifier)?.length ?? 0)),
        String(findings.get(verifier)?.length ?? 0),
        String(all.filter((one, index) => agreesAt(ours, index, one)).length),
      ]),
    ),
    ...[...findings].flatMap(([verifier, all]) => ['', reasonsText(verifier, all)]),
  ].join('\n')
  const json = {
    ...{ cases: cases.length, notRun, absent: Object.fromEntries(absent) },
    verifiers: [...findings].map(([verifier, all]) => ({
      verifier,
      differs: all.map(({ name, reason, how, expected, found }) => ({
        ...{ name, reason, how, expected, found },
      })),
    })),
  }
  return { text, json }
}

function agreesAt(all: readonly Verdict[] | undefined, index: number, one: Verdict): boolean {
  const other = all?.[index]
  return other !== undefined && agree(one, other)
}

function findingsOf(
  verifier: VerifierName,
  cases: readonly Evidence[],
  verdicts: readonly Verdict[],
): readonly Finding[] {
  return cases.flatMap(({ name, quote, expected }, index) => {
    const found = verdicts[index]
    if (found === undefined || agree(found, expected)) return []
    const difference = { quote, expected, found }
    const how = 'refused' in found ? 'refuses' : 'refused' in expected ? 'accepts' : 'otherwise'
    return [{ ...difference, name, how, reason: reasonOf(verifier, difference) }]
  })
}

function reasonsText(verifier: VerifierName, findings: readonly Finding[]): string {
  if (findings.length === 0) return `${verifier} differs nowhere`
  const byReason = [...Map.groupBy(findings, ({ reason }) => reason)].toSorted(
    ([, a], [, b]) => b.length - a.length,
  )
  const count = (all: readonly Finding[], how: How): string =>
    String(all.filter(finding => finding.how === how).length || '')
  const rows = byReason.map(([reason, all]) => [
    reason,
    count(all, 'refuses'),
    count(all, 'accepts'),
    count(all, 'otherwise'),
  ])
  const names = findings.filter(({ reason }) => reason === unexplained).map(({ name }) => name)
  return [
    table([`${verifier} differs`, 'refuses', 'accepts', 'other'], rows),
    ...names.map(name => `${unexplained}: ${name}`),
  ].join('\n')
}
