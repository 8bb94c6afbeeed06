import { deepEqual, equal, throws } from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { ByteWriter } from '@alcove/bytes'
import { withSharedVectors } from '../../../tools/vectors.ts'
import { type Attributes, encodeQuote, parseQuote, type Quote, type ReportBody } from './index.ts'

/** One quote of the golden parse; bytes are hex in the order of the wire. */
type Golden = Readonly<Record<string, unknown>> & {
  readonly files: readonly string[]
  readonly version: number
}
/** What the golden parse says of other things than the quote's own fields. */
const notTheQuote = new Set(['files', 'sha256_of_quote', 'pck', 'pck_error'])

await withSharedVectors('real quotes read as in the golden parse', 30, async vectors => {
  const goldens = (await vectors.json('quotes.parsed.json')) as Golden[]
  for (const golden of goldens) {
    for (const file of golden.files) {
      if (golden.version === 3) {
        test(`${file}: every field is as in the golden parse, and encodes to the same bytes`, async () => {
          const bytes = await vectors.bytes(file)
          const quote = parseQuote(bytes)
          const ours = inGoldenTerms(quote, bytes)
          for (const [name, value] of Object.entries(golden)) {
            if (!notTheQuote.has(name)) deepEqual(ours[name], value, name)
          }
          equal(encodeQuote(quote).toHex(), bytes.slice(0, quote.byteLength).toHex())
        })
      } else {
        test(`${file}: version ${golden.version} is refused at its offset`, async () => {
          const bytes = await vectors.bytes(file)
          throws(() => parseQuote(bytes), {
            code: 'ERR_FORMAT_VALUE',
            field: 'quote.header.version',
            offset: 0,
          })
        })
      }
    }
  }
})

await withSharedVectors(
  'the quotes of the cases parse and encode to the same bytes',
  34,
  async vectors => {
    const cases = (await vectors.json('cases.json')) as { quote: string; id: string }[]
    const files = new Set(cases.map(({ quote }) => quote))
    const synthetic = [...files].filter(file => file.startsWith('synthetic/sgx_'))
    const refusals: Readonly<Record<string, string>> = {
      'synthetic/sgx_v3_tee_tdx.quote.bin': 'quote.header.teeType',
      'synthetic/sgx_bad_att_key_type.quote.bin': 'quote.header.attestationKeyType',
      'synthetic/sgx_v5_body1.quote.bin': 'quote.header.version',
    }
    for (const file of synthetic) {
      const field = refusals[file]
      test(`${file}: ${field ? `refused at ${field}` : 'parses and encodes to the same bytes'}`, async () => {
        const bytes = await vectors.bytes(file)
        if (field) {
          throws(() => parseQuote(bytes), { code: 'ERR_FORMAT_VALUE', field })
        } else {
          const quote = parseQuote(bytes)
          equal(encodeQuote(quote).toHex(), bytes.slice(0, quote.byteLength).toHex())
        }
      })
    }
  },
)

await withSharedVectors('a real quote cut short anywhere is refused as truncated', 1, vectors => {
  test('a real quote cut short anywhere is refused as truncated', async () => {
    const whole = await vectors.bytes('Phala-Network__dcap-qvl/raw/sample/sgx_quote')
    for (let length = 0; length < whole.length; length++) {
      throws(() => parseQuote(whole.subarray(0, length)), { code: 'ERR_FORMAT_TRUNCATED' })
    }
  })
})

function inGoldenTerms(quote: Quote, bytes: Uint8Array): Readonly<Record<string, unknown>> {
  return {
    quote_len: bytes.byteLength,
    trailing_bytes: bytes.byteLength - quote.byteLength,
    version: quote.header.version,
    att_key_type: quote.header.attestationKeyType,
    tee_type: 0,
    qe_svn: quote.header.qeSvn,
    pce_svn: quote.header.pceSvn,
    qe_vendor_id: quote.header.qeVendorId.toHex(),
    user_data: quote.header.userData.toHex(),
    body_type: 1,
    body: bodyInGoldenTerms(quote.body),
    signature: quote.signature.toHex(),
    attestation_key: quote.attestationKey.toHex(),
    qe_report: bodyInGoldenTerms(quote.qeReport),
    qe_report_signature: quote.qeReportSignature.toHex(),
    qe_auth_data: quote.qeAuthData.toHex(),
    cert_type: quote.certification.type,
    cert_data_len: quote.certification.data.byteLength,
    cert_data_sha256: createHash('sha256').update(quote.certification.data).digest('hex'),
  }
}

function bodyInGoldenTerms(body: ReportBody): Readonly<Record<string, unknown>> {
  return {
    cpu_svn: body.cpuSvn.toHex(),
    misc_select: new ByteWriter('golden').u32le('miscSelect', body.miscSelect).done().toHex(),
    isv_ext_prod_id: body.isvExtProdId.toHex(),
    attributes: attributesHex(body.attributes),
    mr_enclave: body.mrEnclave.toHex(),
    mr_signer: body.mrSigner.toHex(),
    config_id: body.configId.toHex(),
    isv_prod_id: body.isvProdId,
    isv_svn: body.isvSvn,
    config_svn: body.configSvn,
    isv_family_id: body.isvFamilyId.toHex(),
    report_data: body.reportData.toHex(),
  }
}

function attributesHex({ flags, xfrm }: Attributes): string {
  return new ByteWriter('golden').u64le('flags', flags).u64le('xfrm', xfrm).done().toHex()
}
