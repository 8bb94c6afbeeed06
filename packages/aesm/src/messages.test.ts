import { deepEqual, doesNotThrow, equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { concatBytes } from '@alcove/bytes'
import { create, type DescField, type DescMessage, toBinary } from '@bufbuild/protobuf'
import { FeatureSet_FieldPresence } from '@bufbuild/protobuf/wkt'
import fc from 'fast-check'
import { RequestSchema, ResponseSchema } from './gen/messages_pb.ts'
import { decodeRequest, decodeResponse, encodeRequest } from './messages.ts'
import { operationOf } from './operations.ts'

const malformed = { code: 'ERR_AESM_MESSAGE' }

function isRequired(field: DescField): boolean {
  return field.presence === FeatureSet_FieldPresence.LEGACY_REQUIRED
}

function varint(value: number): Uint8Array {
  return value < 0x80
    ? Uint8Array.of(value)
    : concatBytes(Uint8Array.of((value & 0x7f) | 0x80), varint(value >> 7))
}

/** The message with exactly these of its fields: numbers 0, byte strings empty. */
function withFields(outer: DescField, fields: readonly DescField[]): Uint8Array {
  const isNumber = (field: DescField) => field.fieldKind === 'scalar' && field.scalar !== 12
  const parts = fields.map(field =>
    Uint8Array.of((field.number << 3) | (isNumber(field) ? 0 : 2), 0),
  )
  const body = concatBytes(...parts)
  return concatBytes(varint((outer.number << 3) | 2), varint(body.byteLength), body)
}

function inner(field: DescField): DescMessage {
  if (field.fieldKind === 'message') return field.message
  throw new TypeError(`${field} is not a message`)
}

test('each required field of each message is refused when it alone is missing', () => {
  let refused = 0
  for (const [schema, decode] of [
    [RequestSchema, decodeRequest],
    [ResponseSchema, decodeResponse],
  ] as const) {
    for (const outer of schema.fields) {
      const required = inner(outer).fields.filter(isRequired)
      doesNotThrow(() => decode(withFields(outer, required)))
      for (const missing of required) {
        const others = required.filter(field => field !== missing)
        const field = `${inner(outer).typeName}.${missing.name}`
        throws(() => decode(withFields(outer, others)), { ...malformed, field })
        refused += 1
      }
    }
  }
  equal(refused, 18 + 17)
})

test('the messages have the protocol’s field numbers, and a timeout in field 9 but for one', () => {
  const numbers = (schema: DescMessage) => schema.fields.map(field => field.number)
  const both = [1, 2, 3, 4, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21, 22]
  deepEqual(numbers(RequestSchema), both)
  deepEqual(numbers(ResponseSchema), both.toSpliced(14, 0, 20))
  for (const field of RequestSchema.fields) {
    const timeout = inner(field).fields.find(({ name }) => name === 'timeout')
    equal(timeout?.number, field.name === 'select_att_key_id' ? 2 : 9)
  }
})

test('unknown fields of every wire type are stepped over, groups included', () => {
  const known = encodeRequest({ getSupportedAttKeyIdNum: { timeout: 5 } })
  const tag = (number: number, wireType: number) => varint((number << 3) | wireType)
  for (const unknown of [
    concatBytes(tag(40, 0), Uint8Array.of(0xff, 0x01)),
    concatBytes(tag(40, 1), new Uint8Array(8)),
    concatBytes(tag(40, 2), Uint8Array.of(3, 1, 2, 3)),
    concatBytes(tag(40, 5), new Uint8Array(4)),
    concatBytes(tag(40, 3), tag(1, 0), Uint8Array.of(1), tag(40, 4)),
  ]) {
    equal(operationOf(decodeRequest(concatBytes(unknown, known))), 'getSupportedAttKeyIdNum')
    throws(() => decodeRequest(unknown.subarray(0, -1)), malformed)
  }
  equal(operationOf(decodeRequest(Uint8Array.of(0x9a, 0x06, 0x01, 0x78))), undefined)
})

test('what protobuf-es would let pass is refused', () => {
  // An inner message longer than the field that holds it: initQuoteEx of 1 byte, b_pub_key_id of 2.
  throws(() => decodeRequest(Uint8Array.of(0x7a, 1, 0x18, 1)), malformed)
  // b_pub_key_id as bytes.
  throws(() => decodeRequest(Uint8Array.of(0x7a, 3, 0x1a, 1, 1)), malformed)
  // A group without an end, one ended as another, and nesting without an end.
  throws(() => decodeRequest(Uint8Array.of(0xc3, 0x02)), malformed)
  throws(() => decodeRequest(Uint8Array.of(0xc3, 0x02, 0xcc, 0x02)), malformed)
  throws(() => decodeRequest(new Uint8Array(60_000).fill(0x0b + 0x28)), malformed)
  // Field number 0, a wire type that does not exist, a number of eleven bytes.
  throws(() => decodeRequest(Uint8Array.of(0x00, 0x00)), malformed)
  throws(() => decodeRequest(Uint8Array.of(0x07)), malformed)
  throws(() => decodeRequest(new Uint8Array(16).fill(0xff)), malformed)
})

test('the first of several requests is chosen in the order of Intel’s daemon', () => {
  const launch = {
    mrEnclave: new Uint8Array(),
    mrSigner: new Uint8Array(),
    seAttributes: new Uint8Array(),
  }
  const chosen = (fields: Parameters<typeof encodeRequest>[0]) =>
    operationOf(decodeRequest(encodeRequest(fields)))
  equal(chosen({ initQuote: {}, getLaunchToken: launch }), 'getLaunchToken')
  equal(chosen({ initQuote: {}, getQuoteSizeEx: {} }), 'initQuote')
  equal(
    chosen({ checkUpdateStatus: { updateInfoSize: 0, config: 0 }, getWhiteList: {} }),
    'checkUpdateStatus',
  )
  equal(chosen({ getSupportedAttKeyIdNum: {}, selectAttKeyId: {} }), 'selectAttKeyId')
})

test('random bytes are a message or are refused as none', () => {
  const check = (bytes: Uint8Array): void => {
    try {
      decodeRequest(bytes)
    } catch (error) {
      equal((error as { code?: string }).code, 'ERR_AESM_MESSAGE')
    }
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), check), { numRuns: 2000 })
})

test('a request cut short anywhere is refused', () => {
  const request = create(RequestSchema, {
    getQuoteEx: {
      report: new Uint8Array(432),
      attKeyId: new Uint8Array(256),
      bufSize: 300,
      timeout: 1,
    },
  })
  const whole = toBinary(RequestSchema, request)
  for (let length = 1; length < whole.byteLength; length++) {
    throws(() => decodeRequest(whole.subarray(0, length)), malformed)
  }
})
