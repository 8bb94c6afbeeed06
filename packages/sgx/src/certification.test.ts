import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { withSharedVectors } from '../../../tools/vectors.ts'
import { type Certification, encodeCertification, parseCertification, parseQuote } from './index.ts'

/** With a PCE-ID, which is the last two bytes. */
const lengths = { 1: 36, 2: 276, 3: 404 } as const

const ofLength = (type: 1 | 2 | 3) =>
  fc
    .constantFrom(lengths[type], lengths[type] - 2)
    .chain(length => fc.uint8Array({ minLength: length, maxLength: length }))
    .map(data => ({ type, data }))
const anyLength = fc
  .tuple(fc.constantFrom(4, 5, 7), fc.uint8Array())
  .map(([type, data]) => ({ type, data }))
const certifications: fc.Arbitrary<Certification> = fc.oneof(
  ofLength(1),
  ofLength(2),
  ofLength(3),
  anyLength,
)

test('certification data of every type comes back byte for byte', () => {
  fc.assert(
    fc.property(certifications, certification => {
      deepEqual(encodeCertification(parseCertification(certification)), certification)
    }),
  )
})

test('each field of a PPID and TCB is read from its own offset', () => {
  const at = (start: number, length: number) =>
    Uint8Array.from({ length }, (_, index) => (start + index) % 251)
  for (const [type, ppidBytes] of [
    [1, 16],
    [2, 256],
    [3, 384],
  ] as const) {
    const data = at(0, ppidBytes + 20)
    deepEqual(parseCertification({ type, data }), {
      type,
      [type === 1 ? 'ppid' : 'encryptedPpid']: at(0, ppidBytes),
      cpuSvn: at(ppidBytes, 16),
      pceSvn: (data[ppidBytes + 16] ?? 0) + 256 * (data[ppidBytes + 17] ?? 0),
      pceId: at(ppidBytes + 18, 2),
    })
  }
})

test('a PPID and TCB cut short anywhere are refused as truncated, longer at their end', () => {
  for (const type of [1, 2, 3] as const) {
    const whole = lengths[type]
    for (let length = 0; length < whole; length++) {
      if (length === whole - 2) continue // without a PCE-ID, see below
      const cut = { type, data: new Uint8Array(length) }
      throws(() => parseCertification(cut), { code: 'ERR_FORMAT_TRUNCATED' })
    }
    const longer = { type, data: new Uint8Array(lengths[type] + 1) }
    throws(() => parseCertification(longer), {
      code: 'ERR_FORMAT_TRAILING',
      field: 'certification.data.(end)',
      offset: lengths[type],
    })
  }
})

test('a PCE-ID may be left out', () => {
  for (const type of [1, 2, 3] as const) {
    const parsed = parseCertification({ type, data: new Uint8Array(lengths[type] - 2) })
    equal('pceId' in parsed, false)
    equal(encodeCertification(parsed).data.byteLength, lengths[type] - 2)
  }
})

test('a type that says nothing of the PCK is refused', () => {
  for (const type of [0, 6, 8, 0xffff]) {
    throws(() => parseCertification({ type, data: new Uint8Array(404) }), {
      code: 'ERR_FORMAT_VALUE',
      field: 'certification.type',
    })
  }
})

test('a value that does not fit is not encoded', () => {
  const parsed = parseCertification({ type: 3, data: new Uint8Array(404) })
  equal(parsed.type, 3)
  if (parsed.type !== 3) return
  const code = 'ERR_FORMAT_VALUE'
  const encryptedPpid = new Uint8Array(256)
  throws(() => encodeCertification({ ...parsed, encryptedPpid }), {
    code,
    field: 'certification.data.encryptedPpid',
  })
  throws(() => encodeCertification({ ...parsed, pceSvn: 0x1_0000 }), {
    code,
    field: 'certification.data.pceSvn',
  })
})

await withSharedVectors('certification data of real quotes', 2, vectors => {
  const read = async (file: string) => {
    const { certification } = parseQuote(await vectors.bytes(file))
    const parsed = parseCertification(certification)
    deepEqual(encodeCertification(parsed), certification)
    return parsed
  }
  test('an encrypted PPID names its PCK, of the PCESVN that the golden parse has in the header', async () => {
    const parsed = await read(
      'oasisprotocol__oasis-core/raw/go/common/sgx/pcs/testdata/quote_v3_ecdsa_p256_eppid.bin',
    )
    equal(parsed.type, 3)
    if (parsed.type !== 3) return
    const { pceSvn, pceId } = parsed
    deepEqual({ pceSvn, pceId: pceId?.toHex() }, { pceSvn: 12, pceId: '0000' })
  })
  test('a PPID names its PCK, without a PCE-ID', async () => {
    const parsed = await read(
      'intel__confidential-computing.tee.dcap.qvl/raw/Src/AttestationApp/sampleData/quote.dat',
    )
    equal(parsed.type, 1)
    if (parsed.type !== 1) return
    equal(parsed.ppid.toHex(), '8461863bb7ece31f64c8e9b77fd31cad')
    equal(parsed.cpuSvn.toHex(), '00030000000101000000000000000000')
    equal(parsed.pceSvn, 3)
    equal(parsed.pceId, undefined)
  })
})
