import { equalBytes } from '@alcove/bytes'
import type { OpenAdvisory, ValidityFinding, Verified } from '@alcove/dcap'
import { INTEL_QE_VENDOR_ID, parseQuote, type Quote } from '@alcove/sgx'
import { levelLines } from './explain-levels.ts'
import { trailingUnit } from './inspect/quote-rows.ts'
import { reportBodyRows } from './inspect/report-rows.ts'
import { amount, type Row, row } from './inspect/row.ts'
import { dateText, rowLines } from './inspect/row-lines.ts'
import { tdReportBodyRows } from './inspect/td-report-rows.ts'
import { type Judgement, stepLines, verdictLines } from './judge.ts'
import { folded } from './plain-text.ts'

/** The whole story of a judgement, in its order, at most 80 columns. */
export function explanationLines(bytes: Uint8Array, judgement: Judgement, at: Date): string[] {
  const quote = parseQuote(bytes)
  const { outcome } = judgement
  const checks = stepLines(judgement).map(line => `  ${line}`)
  const start = [
    'What was read',
    ...rowLines(readRows(quote, at), 2),
    '',
    'Checks, in their order',
    ...checks,
    '',
  ]
  const verdict = ['Verdict', ...verdictLines(judgement).map(line => `  ${line}`)]
  if ('failure' in outcome) {
    const hint = 'What it claims is not to be relied on; alcove inspect prints it all the same.'
    return [...start, ...verdict, ...folded(hint, '  ').split('\n')]
  }
  const { verified } = outcome
  return [
    ...start,
    ...levelLines(verified),
    ...togetherLines(verified),
    ...advisoryLines(verified.openAdvisories),
    ...timeLines(verified),
    quote.tee === 'SGX' ? 'Claims, of the enclave' : 'Claims, of the TD',
    ...rowLines(quote.tee === 'SGX' ? reportBodyRows(quote.body) : tdReportBodyRows(quote.body), 2),
    '',
    ...verdict,
  ]
}

function readRows(quote: Quote, at: Date): Row[] {
  const { header, tee, body } = quote
  const isIntel = equalBytes(header.qeVendorId, INTEL_QE_VENDOR_ID)
  return [
    row('version', 'quote version', header.version),
    row('tee', 'TEE', tee === 'SGX' ? 'SGX, an enclave' : `TDX ${body.version}, a TD`),
    amount('byteLength', 'length', quote.byteLength, 'bytes'),
    amount('trailingBytes', 'after it', quote.trailing.byteLength, trailingUnit(quote)),
    row('qe', 'QE', `${isIntel ? 'Intel’s' : 'not Intel’s'}, ISVSVN ${quote.qeReport.isvSvn}`),
    row('at', 'judged as of', at),
  ]
}

function togetherLines({ status, tcbDate, ...verified }: Verified): string[] {
  const numbers = [verified.tcbEvaluationDataNumber, verified.qeEvaluationDataNumber]
  return [
    `All parts together: ${status}`,
    ...folded(
      `as of ${tcbDate.toISOString().slice(0, 10)}, the earliest of their levels; by Intel’s evaluation ${numbers[0]}, of the QE ${numbers[1]}`,
      '  ',
    ).split('\n'),
    '',
  ]
}

const parts: Readonly<Record<OpenAdvisory['part'], string>> = {
  platform: 'platform',
  qe: 'QE',
  'tdx-module': 'TDX module',
}

function advisoryLines(open: readonly OpenAdvisory[]): string[] {
  if (open.length === 0) return ['Advisories that are open: none', '']
  return [
    'Advisories that are open',
    ...open.map(
      ({ id, part, tcbDate }) =>
        `  ${id}  ${parts[part]}, by its level of ${tcbDate.toISOString().slice(0, 10)}`,
    ),
    '',
  ]
}

function timeLines({ expired, notYetValid, earliestExpiry, earliestItem }: Verified): string[] {
  const late = (finding: ValidityFinding) =>
    folded(`${finding.item} ended on ${dateText(finding.notAfter)}`, '  - ').split('\n')
  const early = (finding: ValidityFinding) =>
    folded(`${finding.item} starts on ${dateText(finding.notBefore)}`, '  - ').split('\n')
  const isInTime = expired.length === 0 && notYetValid.length === 0
  return [
    isInTime ? 'Time: everything is valid' : 'Time: not everything is valid',
    ...expired.flatMap(late),
    ...notYetValid.flatMap(early),
    ...folded(
      `the first of all certificates, lists and JSON ${expired.length === 0 ? 'to end is' : 'that ended is'} ${earliestItem}, on ${dateText(earliestExpiry)}`,
      '  ',
    ).split('\n'),
    '',
  ]
}
