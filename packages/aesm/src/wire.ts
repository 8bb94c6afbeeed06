import type { ByteReader } from '@alcove/bytes'
import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf'

const maxGroupDepth = 100

/** Protocol Buffers wire types. @see docs/formats/aesm.md */
const WireType = {
  varint: 0,
  fixed64: 1,
  bytes: 2,
  groupStart: 3,
  groupEnd: 4,
  fixed32: 5,
} as const

/**
 * Walks the records of a message before protobuf-es reads it, and refuses what that would let
 * pass: an inner message longer than the field that holds it, and a known field of another
 * wire type. Unknown fields are stepped over.
 *
 * @throws {FormatError}
 */
export function checkWire(schema: DescMessage, reader: ByteReader): void {
  while (reader.left > 0) {
    const { number, wireType } = readTag(reader)
    const field = schema.fields.find(candidate => candidate.number === number)
    if (field !== undefined && wireType !== wireTypeOf(field)) {
      throw reader.refuse(field.name, 0, `wire type ${wireType}, want ${wireTypeOf(field)}`)
    }
    if (field?.fieldKind === 'message') {
      checkWire(field.message, reader.nested(field.name, readLength(reader)))
    } else {
      skipValue(reader, number, wireType, 0)
    }
  }
}

function readTag(reader: ByteReader): { number: number; wireType: number } {
  const tag = readVarint(reader, 'tag')
  const number = Number(tag >> 3n)
  if (number === 0 || number >= 2 ** 29) throw reader.refuse('tag', 0, `field number ${number}`)
  return { number, wireType: Number(tag & 7n) }
}

/** The messages of the protocol have three kinds of field: numbers, byte strings, messages. */
function wireTypeOf(field: DescField): number {
  const isBytes = field.fieldKind === 'message' || field.scalar === ScalarType.BYTES
  return isBytes ? WireType.bytes : WireType.varint
}

function skipValue(reader: ByteReader, number: number, wireType: number, depth: number): void {
  switch (wireType) {
    case WireType.varint:
      readVarint(reader, 'value')
      break
    case WireType.fixed64:
      reader.bytes('value', 8)
      break
    case WireType.fixed32:
      reader.bytes('value', 4)
      break
    case WireType.bytes:
      reader.bytes('value', readLength(reader))
      break
    case WireType.groupStart:
      skipGroup(reader, number, depth + 1)
      break
    default:
      throw reader.refuse('tag', 0, `wire type ${wireType}`)
  }
}

function skipGroup(reader: ByteReader, outer: number, depth: number): void {
  if (depth > maxGroupDepth) throw reader.refuse('group', 0, 'nested too deep')
  for (;;) {
    const { number, wireType } = readTag(reader)
    if (wireType === WireType.groupEnd) {
      if (number === outer) return
      throw reader.refuse('group', 0, `group ${outer} ended as ${number}`)
    }
    skipValue(reader, number, wireType, depth)
  }
}

function readLength(reader: ByteReader): number {
  return Number(readVarint(reader, 'length'))
}

function readVarint(reader: ByteReader, field: string): bigint {
  let value = 0n
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = reader.u8(field)
    value |= BigInt(byte & 0x7f) << shift
    if (byte < 0x80) return value
  }
  throw reader.refuse(field, 10, 'a number of more than ten bytes')
}
