import type { Row, Value } from './row.ts'

/** Rows as data. */
export function rowsJson(rows: readonly Row[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(rows.map(({ key, value }) => [key, valueJson(value)]))
}

function valueJson(value: Value): unknown {
  if (typeof value !== 'object') return value
  if (value instanceof Uint8Array) return value.toHex()
  if (value instanceof Date) return value.toISOString()
  if (!('kind' in value)) return value
  switch (value.kind) {
    case 'word': {
      const number = `0x${value.number.toString(16)}`
      return value.names === undefined ? number : { value: number, names: value.names }
    }
    case 'group':
      return rowsJson(value.rows)
    case 'list':
      return value.items.map(rowsJson)
  }
}

/** Any value of the program as data for JSON: bigints and bytes in hex. */
export function plainJson(value: unknown): unknown {
  if (typeof value === 'bigint') return `0x${value.toString(16)}`
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return value.toHex()
  if (value instanceof Date) return value.toISOString()
  if (Array.isArray(value)) return value.map(plainJson)
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plainJson(one)]))
}
