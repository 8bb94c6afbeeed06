import { CodedError } from '@alcove/bytes'
import type { Decoded, Encoding } from '../encoding.ts'
import { folded } from '../plain-text.ts'
import { type KindName, kindNames } from './kind-names.ts'
import { kinds } from './kinds.ts'
import type { Row } from './row.ts'
import { rowsJson } from './row-json.ts'
import { rowLines } from './row-lines.ts'

/** No kind of thing that is known looks like this. */
export class InspectError extends CodedError<'ERR_INSPECT_UNKNOWN'> {
  constructor(message: string) {
    super('ERR_INSPECT_UNKNOWN', message)
  }
}

/** What a file was found to be, and every field of it. Nothing in it is verified. */
export interface Inspection {
  readonly kind: KindName
  readonly encoding: Encoding
  /** Of what was read, without its encoding. */
  readonly byteLength: number
  /** Its kind was said, not recognised. */
  readonly isForced: boolean
  readonly rows: readonly Row[]
}

/**
 * What an input is, by its content.
 *
 * @throws {InspectError} where it looks like nothing that is known
 */
export function recognise(path: string, content: Decoded): KindName {
  const kind = kindNames.find(name => kinds[name].looks(content))
  if (kind !== undefined) return kind
  const { bytes, encoding } = content
  const begin = bytes.subarray(0, 8).toHex()
  const tried = kindNames.map(name => `${kinds[name].title} (${kinds[name].mark})`).join(', ')
  throw new InspectError(
    `${path}: ${bytes.byteLength} bytes${encodings[encoding]} that begin ${begin} are none of these: ${tried}. Get it again, whole, or say by --as what it is`,
  )
}

/** @throws {CodedError} where it is malformed */
export function inspectAs(kind: KindName, content: Decoded, isForced: boolean): Inspection {
  const { bytes, encoding } = content
  const rows = kinds[kind].rows(content)
  return { kind, encoding, byteLength: bytes.byteLength, isForced, rows }
}

const NOT_VERIFIED = 'Nothing here is verified: anybody can write such fields.'
const VERIFY = 'alcove verify decides whether to believe a quote.'
const encodings: Readonly<Record<Encoding, string>> = {
  raw: '',
  hex: ', from hex',
  base64: ', from base64',
  url: ', from URL encoding',
}

/** An inspection for people, at most 80 columns. */
export function inspectionLines(path: string, inspection: Inspection): string[] {
  const { kind, encoding, byteLength, isForced, rows } = inspection
  const { title, doubt } = kinds[kind]
  const verified = kind === 'quote' ? `${NOT_VERIFIED} ${VERIFY}` : NOT_VERIFIED
  return [
    folded(`${path}: ${title}, ${byteLength} bytes${encodings[encoding]}`, ''),
    folded(verified, ''),
    ...(doubt === undefined || isForced ? [] : [folded(doubt, '')]),
    '',
    ...rowLines(rows, 2),
  ].flatMap(line => line.split('\n'))
}

export function inspectionJson(
  path: string,
  inspection: Inspection,
): Readonly<Record<string, unknown>> {
  const { kind, encoding, byteLength, rows } = inspection
  return { file: path, kind, encoding, byteLength, verified: false, fields: rowsJson(rows) }
}
