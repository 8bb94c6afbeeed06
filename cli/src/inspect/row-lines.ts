import { folded, plainText } from '../plain-text.ts'
import type { List, Row, Value } from './row.ts'

const COLUMNS = 80
const WIDEST_NAME = 24

/** Rows in lines of at most 80 columns: names in one column, values in the next, groups indented by two. */
export function rowLines(rows: readonly Row[], indent = 0): string[] {
  const told = rows.filter(({ value }) => value !== undefined)
  const names = told.filter(({ value }) => !isNested(value)).map(({ name }) => name.length)
  const width = Math.min(WIDEST_NAME, greatest(names)) + 2
  return told.flatMap(row => linesOf(row, indent, width))
}

function isNested(value: Value): boolean {
  return typeof value === 'object' && 'kind' in value && value.kind !== 'word'
}

function linesOf(row: Row, indent: number, width: number): string[] {
  const { name, value } = row
  const margin = ' '.repeat(indent)
  if (typeof value === 'object' && 'kind' in value) {
    if (value.kind === 'group') return [`${margin}${name}`, ...rowLines(value.rows, indent + 2)]
    if (value.kind === 'list') return listLines(name, value, indent)
  }
  if (value instanceof Uint8Array && !isTold(value)) {
    const lines = hexLines(value.toHex(), COLUMNS - indent - width)
    if (row.note !== undefined) lines.push(`(${row.note})`)
    return lines.map((line, index) => `${margin}${(index === 0 ? name : '').padEnd(width)}${line}`)
  }
  return folded(cellText(row), `${margin}${name.padEnd(width)}`).split('\n')
}

function listLines(name: string, { items, each }: List, indent: number): string[] {
  const margin = ' '.repeat(indent)
  if (items.length === 0) return [`${margin}${name}: none`]
  if (each === undefined) return [`${margin}${name}`, ...tableLines(items, indent + 2)]
  return items.flatMap((item, index) => [
    `${margin}${each} ${index + 1} of ${items.length}`,
    ...rowLines(item, indent + 2),
  ])
}

function tableLines(items: List['items'], indent: number): string[] {
  const names = (items[0] ?? []).map(({ name }) => name)
  const cells = [names, ...items.map(item => item.map(one => plainText(cellText(one))))]
  const widths = names.map((_, column) => greatest(cells.map(line => (line[column] ?? '').length)))
  return cells.map(line => {
    const padded = line.map((text, column) => text.padEnd(widths[column] ?? 0))
    return `${' '.repeat(indent)}${padded.join('  ')}`.trimEnd()
  })
}

/** Of however many: more arguments than the stack holds cannot be spread. */
function greatest(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => Math.max(a, b), 0)
}

function cellText({ value, note, unit }: Row): string {
  const after = note === undefined ? '' : ` (${note})`
  return `${valueText(value)}${unit === undefined ? '' : ` ${unit}`}${after}`
}

function valueText(value: Value): string {
  if (value instanceof Uint8Array) {
    return value.byteLength === 0 ? 'none' : `${value.byteLength} bytes, all zero`
  }
  if (value instanceof Date) return dateText(value)
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (value === undefined) return ''
  if (typeof value !== 'object') return String(value)
  if (!('kind' in value)) return value.join(typeof value[0] === 'number' ? ' ' : ', ')
  if (value.kind !== 'word') return ''
  const { names = [] } = value
  return `0x${value.number.toString(16)}${names.length === 0 ? '' : `  ${names.join(', ')}`}`
}

/** RFC 3339, in UTC, to the second where it is a whole one. */
export function dateText(date: Date): string {
  return date.toISOString().replace('.000Z', 'Z')
}

/** Bytes that are told in words: many zeros say nothing that a line of them would. */
function isTold(bytes: Uint8Array): boolean {
  return bytes.byteLength === 0 || (bytes.byteLength > 8 && bytes.every(byte => byte === 0))
}

/** Hex in as few lines as fit, each as long as the others, of whole groups of four bytes. */
function hexLines(hex: string, columns: number): string[] {
  const most = Math.max(8, columns - (columns % 8))
  const count = Math.ceil(hex.length / most)
  const length = Math.min(most, Math.ceil(hex.length / count / 8) * 8)
  return hex.match(new RegExp(`.{1,${length}}`, 'g')) ?? []
}
