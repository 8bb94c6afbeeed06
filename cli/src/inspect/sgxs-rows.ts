import { CodedError } from '@alcove/bytes'
import { measureSgxs, parseSgxs, type SgxsRecord } from '@alcove/sgx'
import { amount, type Row, row, table, word } from './row.ts'

/** Pages that follow each other, of one kind. */
interface Run {
  readonly offset: bigint
  readonly secinfoFlags: bigint
  pages: number
  measured: number
  unmeasured: number
}

const PAGE = 4096n

export function sgxsRows(bytes: Uint8Array): Row[] {
  const counts = { ecreate: 0, eadd: 0, eextend: 0, unmeasrd: 0 }
  const runs: Run[] = []
  const head: Row[] = []
  for (const record of parseSgxs(bytes)) {
    counts[record.type]++
    if (record.type === 'ecreate') {
      head.push(
        row('size', 'enclave size', word(record.size), `${record.size / PAGE} pages`),
        amount('ssaFrameSize', 'SSAFRAMESIZE', record.ssaFrameSize, 'pages'),
      )
    } else addTo(runs, record)
  }
  return [
    row('mrEnclave', 'MRENCLAVE', measured(bytes), 'computed'),
    ...head,
    amount('ecreate', 'ECREATE', counts.ecreate, 'records'),
    amount('eadd', 'EADD', counts.eadd, 'records'),
    amount('eextend', 'EEXTEND', counts.eextend, 'records, 256 bytes each, measured'),
    amount('unmeasrd', 'UNMEASRD', counts.unmeasrd, 'records, 256 bytes each, not measured'),
    table('pages', 'runs of pages', runs.map(runRows)),
  ]
}

function addTo(runs: Run[], record: Exclude<SgxsRecord, { type: 'ecreate' }>): void {
  const last = runs.at(-1)
  if (record.type !== 'eadd') {
    if (last === undefined) return
    if (record.type === 'eextend') last.measured++
    else last.unmeasured++
    return
  }
  const { offset, secinfoFlags } = record
  const isNext =
    last?.secinfoFlags === secinfoFlags && last.offset + BigInt(last.pages) * PAGE === offset
  if (isNext) last.pages++
  else runs.push({ offset, secinfoFlags, pages: 1, measured: 0, unmeasured: 0 })
}

const pageTypes: Readonly<Record<number, string>> = { 0: 'SECS', 1: 'TCS', 2: 'REG' }

function runRows({ offset, secinfoFlags, pages, measured: chunks, unmeasured }: Run): Row[] {
  const type = Number((secinfoFlags >> 8n) & 0xffn)
  const rights = ['R', 'W', 'X'].filter((_, bit) => ((secinfoFlags >> BigInt(bit)) & 1n) === 1n)
  const names = [pageTypes[type] ?? `page type ${type}`, ...rights]
  return [
    row('offset', 'offset', word(offset)),
    row('count', 'pages', pages),
    row('secinfoFlags', 'SECINFO', word(secinfoFlags, names)),
    amount('measuredChunks', 'measured', chunks, `of ${pages * 16} chunks`),
    amount('unmeasuredChunks', 'not measured', unmeasured, 'chunks'),
  ]
}

/** The records may be well-formed, and still build no enclave. */
function measured(bytes: Uint8Array): Uint8Array | string {
  try {
    return measureSgxs(bytes)
  } catch (error) {
    if (error instanceof CodedError) return `none: ${error.message} (${error.code})`
    throw error
  }
}
