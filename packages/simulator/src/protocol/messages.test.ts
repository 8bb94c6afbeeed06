import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { SimulatorError } from '../simulator-error.ts'
import { encodeError, parseAnswer, parseRequest, parseUnasked } from './messages.ts'

const refused = (message: RegExp) => ({ code: 'ERR_SIMULATOR_REQUEST', aesmCode: 3, message })
const base64 = (length: number) => new Uint8Array(length).toBase64()

test("a request's bytes are decoded", () => {
  const request = { op: 'report', enclave: 1, targetInfo: base64(512), reportData: base64(64) }
  deepEqual(parseRequest(request), {
    ...request,
    targetInfo: new Uint8Array(512),
    reportData: new Uint8Array(64),
  })
})

for (const [what, value, message] of [
  ['no object', 3, /\(top\)/],
  ['no operation', {}, /op: /],
  ['an operation that there is not', { op: 'explode' }, /op: /],
  ['a field too many', { op: 'epc', extra: 1 }, /extra/],
  ['no base64', { op: 'qe.quote', report: '*' }, /report: want base64 of 432 bytes; this is none/],
  ['too few bytes', { op: 'qe.quote', report: base64(431) }, /report: .*these are 431/],
  ['too many bytes', { op: 'qe.quote', report: base64(500) }, /report: /],
  [
    'a page cut short',
    { op: 'addMeasured', enclave: 1, offset: 0, secinfoFlags: 513, content: base64(4095) },
    /content: want base64 of 1 to 64 times 4096 bytes; these are 4095/,
  ],
  [
    'more pages than a request may have',
    { op: 'addUnmeasured', enclave: 1, offset: 0, secinfoFlags: 513, count: 4097 },
    /count: /,
  ],
  ['a long token', { op: 'open', token: 'x'.repeat(257) }, /token: /],
] as const) {
  test(`a request with ${what} is refused by name`, () => {
    throws(() => parseRequest(value), refused(message))
  })
}

test('an error survives the way, with what it counted', () => {
  const epc = { askedBytes: 3, freeBytes: 2, totalBytes: 1 }
  const error = new SimulatorError('ERR_SIMULATOR_OUT_OF_EPC', 'out of EPC', { epc })
  const travelled: unknown = JSON.parse(JSON.stringify(encodeError(error)))
  throws(() => parseAnswer('create', travelled), {
    code: 'ERR_SIMULATOR_OUT_OF_EPC',
    message: 'out of EPC',
    aesmCode: 29,
    epc,
  })
  equal(parseUnasked(travelled).code, 'ERR_SIMULATOR_OUT_OF_EPC')
})

test('an error of a code that this version does not know keeps its name in the message', () => {
  throws(() => parseAnswer('epc', { error: { code: 'ERR_NEW', message: 'news' } }), {
    code: 'ERR_SIMULATOR_ANSWER',
    message: 'ERR_NEW: news',
  })
})

test('an answer to another operation is refused', () => {
  throws(() => parseAnswer('report', { ok: { enclave: 1 } }), { code: 'ERR_SIMULATOR_ANSWER' })
  throws(() => parseAnswer('report', 'hello'), { code: 'ERR_SIMULATOR_ANSWER' })
})
