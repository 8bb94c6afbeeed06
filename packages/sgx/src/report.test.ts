import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { ByteReader } from '@alcove/bytes'
import fc from 'fast-check'
import {
  encodeKeyRequest,
  encodeReport,
  encodeReportBody,
  encodeTargetInfo,
  encodeTdReport,
  KeyName,
  KeyPolicy,
  parseKeyRequest,
  parseReport,
  parseReportBody,
  parseTargetInfo,
  parseTdReport,
} from './index.ts'

type Bytes = Uint8Array
/** Every structure of fixed length, and bytes → value → bytes. */
const structures: readonly {
  name: string
  length: number
  /** Bytes that each of them begins with, hex. */
  start?: string
  again: (bytes: Bytes) => Bytes
}[] = [
  {
    name: 'report',
    length: 432,
    again: bytes => encodeReport(parseReport(bytes)),
  },
  {
    name: 'targetInfo',
    length: 512,
    again: bytes => encodeTargetInfo(parseTargetInfo(bytes)),
  },
  {
    name: 'keyRequest',
    length: 512,
    again: bytes => encodeKeyRequest(parseKeyRequest(bytes)),
  },
  {
    name: 'tdReport',
    length: 1024,
    start: '81',
    again: bytes => encodeTdReport(parseTdReport(bytes)),
  },
]

for (const { name, length, start = '', again } of structures) {
  const begun = (bytes: Bytes) => {
    bytes.set(Uint8Array.fromHex(start).subarray(0, bytes.length))
    return bytes
  }
  const random = fc.uint8Array({ minLength: length, maxLength: length }).map(begun)

  test(`${name}: every byte comes back, reserved ones too`, () => {
    fc.assert(
      fc.property(random, bytes => {
        deepEqual(again(bytes), bytes)
      }),
    )
  })

  test(`${name}: cut short anywhere is refused as truncated, longer is refused at its end`, () => {
    for (let cut = 0; cut < length; cut++) {
      throws(() => again(begun(new Uint8Array(cut))), { code: 'ERR_FORMAT_TRUNCATED' })
    }
    throws(() => again(begun(new Uint8Array(length + 1))), {
      code: 'ERR_FORMAT_TRAILING',
      field: `${name}.(end)`,
      offset: length,
    })
  })
}

test('a report cut short names the field in its body', () => {
  throws(() => parseReport(new Uint8Array(0x103)), { field: 'report.body.isvSvn', offset: 0x102 })
})

test('each field of a report body is read from its own offset', () => {
  const bytes = Uint8Array.from({ length: 384 }, (_, index) => index % 251)
  const body = parseReportBody(new ByteReader(bytes, 'body'))
  const at = (offset: number, length: number) => bytes.subarray(offset, offset + length).toHex()
  equal(body.cpuSvn.toHex(), at(0, 16))
  equal(body.miscSelect, 0x13121110)
  equal(body.isvExtProdId.toHex(), at(32, 16))
  deepEqual(body.attributes, { flags: 0x3736353433323130n, xfrm: 0x3f3e3d3c3b3a3938n })
  equal(body.mrEnclave.toHex(), at(64, 32))
  equal(body.mrSigner.toHex(), at(128, 32))
  equal(body.configId.toHex(), at(192, 64))
  deepEqual([body.isvProdId, body.isvSvn, body.configSvn], [0x0605, 0x0807, 0x0a09])
  equal(body.isvFamilyId.toHex(), at(304, 16))
  equal(body.reportData.toHex(), at(320, 64))
})

test('a field of the wrong length or range is not encoded', () => {
  const body = parseReportBody(new ByteReader(new Uint8Array(384), 'body'))
  throws(() => encodeReportBody({ ...body, reportData: new Uint8Array(63) }), {
    code: 'ERR_FORMAT_VALUE',
    field: 'reportBody.reportData',
    offset: 320,
  })
  throws(() => encodeReportBody({ ...body, attributes: { flags: 1n << 64n, xfrm: 0n } }), {
    field: 'reportBody.attributes.flags',
    offset: 48,
  })
})

test('a sealing request reads as its name and policy', () => {
  const request = parseKeyRequest(new Uint8Array(512))
  const keyPolicy = KeyPolicy.mrSigner | KeyPolicy.configId
  const bytes = encodeKeyRequest({ ...request, keyName: KeyName.seal, keyPolicy, configSvn: 7 })
  equal(bytes.toHex().slice(0, 8), '04000a00')
  equal(bytes[76], 7)
})

test('reserved bytes are a field only where one of them is not zero, and of their exact length', () => {
  equal('reserved' in parseTargetInfo(new Uint8Array(512)), false)
  const request = parseKeyRequest(new Uint8Array(512).with(511, 1))
  equal(request.reserved?.byteLength, 436)
  const code = 'ERR_FORMAT_VALUE'
  const targetInfo = parseTargetInfo(new Uint8Array(512))
  throws(() => encodeTargetInfo({ ...targetInfo, reserved: new Uint8Array(393) }), { code })
  throws(() => encodeKeyRequest({ ...request, reserved: new Uint8Array(437) }), { code })
})
