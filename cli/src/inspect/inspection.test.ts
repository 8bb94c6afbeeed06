import { deepEqual, equal, match, ok, throws } from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  encodeKeyRequest,
  encodeReport,
  encodeTargetInfo,
  parseQuote,
  reportKeyRequest,
} from '@alcove/sgx'
import { withSharedVectors } from '../../../tools/vectors.ts'
import { decoded } from '../encoding.ts'
import { projectRoot } from '../program-root.ts'
import { INSPECT_HELP } from './inspect-help.ts'
import { inspectAs, inspectionJson, inspectionLines, recognise } from './inspection.ts'
import { type KindName, kindNames } from './kind-names.ts'

const vectors = join(projectRoot, 'vectors')
const utf8 = (text: string) => new TextEncoder().encode(text)
const read = (path: string) => Uint8Array.from(readFileSync(join(vectors, path)))

/** What was recognised, as data; the same for people is held to 80 columns on the way. */
function inspected(input: Uint8Array, as?: KindName) {
  const content = decoded(input)
  const inspection = inspectAs(as ?? recognise('file', content), content, as !== undefined)
  const lines = inspectionLines('file', inspection)
  for (const line of lines) ok(line.length <= 80, line)
  ok(lines.some(line => line.startsWith('Nothing here is verified')))
  return JSON.parse(JSON.stringify(inspectionJson('file', inspection)))
}

const quotes = readdirSync(vectors, { withFileTypes: true }).filter(entry => entry.isDirectory())

for (const { name } of quotes) {
  test(`${name}: the quote is recognised raw, in hex and in base64, with every field`, () => {
    const bytes = read(`${name}/quote.bin`)
    const quote = parseQuote(bytes)
    const raw = inspected(bytes)
    equal(raw.kind, 'quote')
    deepEqual([raw.fields.header.version, raw.fields.header.tee], [quote.header.version, quote.tee])
    equal(raw.fields.body.reportData, quote.body.reportData.toHex())
    equal(raw.fields.trailingBytes, bytes.byteLength - quote.byteLength)
    equal(raw.fields.signatureData.certification.certificates[0].sgx.fmspc.length, 12)
    for (const [text, encoding] of [
      [`${bytes.toHex()}\n`, 'hex'],
      [bytes.toBase64().replaceAll(/.{76}/g, '$&\n'), 'base64'],
    ] as const) {
      const again = inspected(utf8(text))
      equal(again.encoding, encoding)
      deepEqual(again.fields, raw.fields)
    }
  })

  test(`${name}: the collateral and each of its parts are recognised`, () => {
    const bytes = read(`${name}/collateral.json`)
    const { kind, fields } = inspected(bytes)
    equal(kind, 'collateral')
    const parts = JSON.parse(new TextDecoder().decode(bytes))
    for (const [part, wanted, as] of [
      ['tcb_info', fields.tcbInfo, 'tcb-info'],
      ['qe_identity', fields.qeIdentity, 'qe-identity'],
      ['tcb_info_issuer_chain', fields.tcbInfoIssuerChain, 'chain'],
      ['root_ca_crl', fields.rootCaCrl, 'crl'],
      ['pck_crl', fields.pckCrl, 'crl'],
    ] as const) {
      const found = inspected(utf8(parts[part]))
      equal(found.kind, as)
      deepEqual(found.fields, wanted)
      equal('error' in found.fields, false)
    }
    const header = inspected(utf8(encodeURIComponent(parts.tcb_info_issuer_chain)))
    deepEqual(header.fields, fields.tcbInfoIssuerChain)
    equal(fields.tcbInfo.tcbLevels[0].components.length, 16)
  })
}

test('a PEM certificate, and its DER, are a certificate', () => {
  const { tcb_info_issuer_chain: chain } = JSON.parse(
    new TextDecoder().decode(read('sgx-v3-phala/collateral.json')),
  )
  const [, first = ''] = /-----BEGIN CERTIFICATE-----([^-]*)/.exec(chain) ?? []
  const pem = `-----BEGIN CERTIFICATE-----${first}-----END CERTIFICATE-----\n`
  const ofPem = inspected(utf8(pem))
  equal(ofPem.kind, 'certificate')
  equal(ofPem.fields.subject, 'Intel SGX TCB Signing')
  deepEqual(inspected(Uint8Array.fromBase64(first)).fields, ofPem.fields)
})

test('a part of a quote or of collateral that cannot be read is told in its place', () => {
  const bytes = read('sgx-v3-phala/quote.bin')
  const at = new TextDecoder('latin1').decode(bytes).indexOf('MII')
  bytes[at] = 0x21
  const { certification } = inspected(bytes).fields.signatureData
  match(certification.error, /not base64 \(ERR_FORMAT_VALUE\)/)
  const parts = JSON.parse(new TextDecoder().decode(read('sgx-v3-phala/collateral.json')))
  const { fields } = inspected(utf8(JSON.stringify({ ...parts, tcb_info: '{}' })))
  match(fields.tcbInfo.error, /ERR_COLLATERAL_FORMAT/)
  equal(fields.qeIdentity.id, 'QE')
})

const report = parseQuote(read('sgx-v3-phala/quote.bin'))
const body = report.tee === 'SGX' ? report.body : report.qeReport

test('a REPORT is recognised by its 432 bytes', () => {
  const { kind, fields } = inspected(
    encodeReport({ body, keyId: new Uint8Array(32).fill(1), mac: new Uint8Array(16).fill(2) }),
  )
  equal(kind, 'report')
  deepEqual([fields.body.mrEnclave, fields.mac], [body.mrEnclave.toHex(), '02'.repeat(16)])
})

test('a TDREPORT is recognised by its 1024 bytes', () => {
  const bytes = Uint8Array.from({ length: 1024 }, (_, index) => (index === 0 ? 0x81 : index % 251))
  const { kind, fields } = inspected(bytes)
  equal(kind, 'td-report')
  equal(fields.tdInfo.mrTd, bytes.subarray(528, 576).toHex())
  equal(fields.reportMac.mac, bytes.subarray(224, 256).toHex())
})

test('of 512 bytes, a KEYREQUEST names a known key and has zeros; --as decides otherwise', () => {
  const request = encodeKeyRequest(reportKeyRequest(new Uint8Array(32).fill(7)))
  const { mrEnclave, attributes, configSvn, miscSelect, configId } = body
  const target = encodeTargetInfo({ mrEnclave, attributes, configSvn, miscSelect, configId })
  equal(inspected(request).kind, 'key-request')
  equal(inspected(request).fields.keyId, '07'.repeat(32))
  equal(inspected(target).kind, 'target-info')
  equal(inspected(target).fields.mrEnclave, mrEnclave.toHex())
  equal(inspected(request, 'target-info').kind, 'target-info')
  equal(inspected(target, 'key-request').fields.keyName, 0xd833)
})

test('what is nothing that is known is refused, with what was tried and what to do', () => {
  for (const input of ['{"a": 1}', 'hello', 'ff'.repeat(100)]) {
    throws(() => inspected(utf8(input)), {
      code: 'ERR_INSPECT_UNKNOWN',
      message: /^file: \d+ bytes.* are none of these: quote .*SIGSTRUCT .*--as/s,
    })
  }
})

test('the guide and --help name every kind, and no other', () => {
  const guide = readFileSync(join(projectRoot, 'docs/guides/inspect.md'), 'utf8')
  const rows = Array.from(guide.matchAll(/^\| `([a-z][a-z-]*)` \|/gm), ([, name = '']) => name)
  deepEqual(rows.toSorted(), [...kindNames].toSorted())
  const helped = Array.from(
    INSPECT_HELP.matchAll(/^ {2}([a-z-]+(?:, [a-z-]+)*)/gm),
    ([, names = '']) => names.split(', '),
  ).flat()
  deepEqual(helped.toSorted(), [...kindNames].toSorted())
  for (const line of INSPECT_HELP.split('\n')) ok(line.length <= 80, line)
})

await withSharedVectors('more kinds are read', 10, shared => {
  for (const [path, kind, field, wanted] of [
    ['_pck/00a067110000-processor-97b134e03294.pem', 'certificate', 'sgx.fmspc', '00a067110000'],
    ['_crl/platform-2025-09-02-d02346cc5741.der', 'crl', 'issuer', 'Intel SGX PCK Platform CA'],
    ['_issuer-certs/Intel-SGX-Root-CA-bf85a53fc08f.pem', 'certificate', 'isCa', true],
    ['sigstruct/sig1.sigstruct.bin', 'sigstruct', 'date', '2016-01-09'],
    ['ereport/report_ok.bin', 'report', 'body.isvProdId', 0],
    ['ereport/app_target_info.bin', 'target-info', 'configSvn', 0],
    ['ereport/target_info.bin', 'target-info', 'configSvn', 0],
    ['mrenclave/test_enclave.sig', 'sigstruct', 'key.exponent', 3],
    [
      'mrenclave/test_enclave.sgxs',
      'sgxs',
      'mrEnclave',
      '784acfd7d5096a8f0fbd3265760bff21b120f62407a9a9e5ba31aa3c8ed198fc',
    ],
  ] as const) {
    test(`${path} is recognised as ${kind}`, async () => {
      const found = inspected(await shared.bytes(path))
      equal(found.kind, kind)
      const value = field.split('.').reduce((fields, key) => fields[key], found.fields)
      equal(value, wanted)
    })
  }

  test('39 bytes of text after a real TDX quote are told', async () => {
    const path = 'google__go-tdx-guest/raw/testing/testdata/tdx_prod_quote_SPR_E4.dat'
    const content = decoded(await shared.bytes(path))
    const lines = inspectionLines(path, inspectAs(recognise(path, content), content, false))
    ok(lines.some(line => line.endsWith('39 bytes follow the quote')))
  })
})
