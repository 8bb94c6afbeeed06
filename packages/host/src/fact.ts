import type { Host } from './host.ts'
import { HostError } from './host-error.ts'

/** What was read, and where; or why it is not known, and where it was looked for. */
export type Fact<T> = Known<T> | Absent

export interface Known<T> {
  readonly value: T
  /** The file, the CPUID leaf and bit, or the device node: `CPUID leaf 0x7 EBX bit 2`. */
  readonly source: string
}

export interface Absent {
  readonly value?: undefined
  readonly absence: Absence
  readonly source: string
}

/**
 * `not-stated`: the file is there, and says neither yes nor no. `not-asked`: nothing to ask, since what it would be
 * about is not there.
 */
export type Absence = 'no-such-file' | 'not-permitted' | 'not-stated' | 'not-asked'

export function known<T>(value: T, source: string): Known<T> {
  return { value, source }
}

export function absent(absence: Absence, source: string): Absent {
  return { absence, source }
}

/** What `read` makes of a file's bytes: `undefined` is `not-stated`. A file that may not be read is an absence here. */
export async function fileFact<T>(
  host: Host,
  path: string,
  read: (bytes: Uint8Array) => T | undefined,
): Promise<Fact<T>> {
  const bytes = await permitted(path, () => host.read(path))
  if (bytes.value === undefined) return bytes
  const value = read(bytes.value)
  return value === undefined ? absent('not-stated', path) : known(value, path)
}

/** The first of several places that knows; the last one's absence where none does. */
export async function firstKnown<T>(
  first: () => Promise<Fact<T>>,
  ...others: readonly (() => Promise<Fact<T>>)[]
): Promise<Fact<T>> {
  let fact = await first()
  for (const other of others) {
    if (fact.value !== undefined) break
    fact = await other()
  }
  return fact
}

/** What `ask` answers; `no-such-file` for `undefined`, `not-permitted` where the system refuses this process. */
export async function permitted<T>(
  source: string,
  ask: () => Promise<T | undefined>,
): Promise<Fact<T>> {
  try {
    const value = await ask()
    return value === undefined ? absent('no-such-file', source) : known(value, source)
  } catch (error) {
    if (error instanceof HostError && error.forbidden) return absent('not-permitted', source)
    throw error
  }
}

/** The same fact, said to come from a part of its source, or of another kind. */
export function map<T, U>(
  fact: Fact<T>,
  change: (value: T) => U | undefined,
  part: (source: string) => string = source => source,
): Fact<U> {
  if ('absence' in fact) return fact
  const value = change(fact.value)
  const source = part(fact.source)
  return value === undefined ? absent('not-stated', source) : known(value, source)
}

export function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).trim()
}
