/** A field of a thing that was read: what people and JSON are told is made from the same rows. */
export interface Row {
  /** In JSON: `mrEnclave`. */
  readonly key: string
  /** For people: `MRENCLAVE`. */
  readonly name: string
  readonly value: Value
  /** For people, after the value: what it means, in brackets, or its unit without. */
  readonly note?: string
  readonly unit?: string
}

/** Numbers in JSON are decimal, bigints and bytes are hex; what is absent is `undefined`, and is not told. */
export type Value =
  | string
  | number
  | boolean
  | Date
  | Uint8Array
  | readonly (string | number)[]
  | undefined
  | Word
  | Group
  | List

/** A number whose bits have names. */
export interface Word {
  readonly kind: 'word'
  readonly number: bigint
  /** Of the bits that are set; without it the number is all that is told. */
  readonly names?: readonly string[]
}

export interface Group {
  readonly kind: 'group'
  readonly rows: readonly Row[]
}

/** Things alike. */
export interface List {
  readonly kind: 'list'
  readonly items: readonly (readonly Row[])[]
  /** What one of them is called, for people: `certificate`. Without it each is a line of a table. */
  readonly each?: string
}

export function row(key: string, name: string, value: Value, note?: string): Row {
  return note === undefined ? { key, name, value } : { key, name, value, note }
}

export function group(key: string, name: string, rows: readonly Row[]): Row {
  return { key, name, value: { kind: 'group', rows } }
}

/** A number of things, for people `16 pages`. */
export function amount(key: string, name: string, value: number | undefined, unit: string): Row {
  return { key, name, value, unit: value === 1 ? unit.replace(/^(\w+)s\b/, '$1') : unit }
}

export function list(
  key: string,
  name: string,
  each: string,
  items: readonly (readonly Row[])[],
): Row {
  return { key, name, value: { kind: 'list', items, each } }
}

/** A list of which each item has the same rows, and is short. */
export function table(key: string, name: string, items: readonly (readonly Row[])[]): Row {
  return { key, name, value: { kind: 'list', items } }
}

export function word(number: bigint | number, names?: readonly string[]): Word {
  const value = { kind: 'word', number: BigInt(number) } as const
  return names === undefined ? value : { ...value, names }
}
