import { deepEqual, equal, match, throws } from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { ByteWriter, FormatError } from '@alcove/bytes'
import { withSharedVectors } from '../../../tools/vectors.ts'
import {
  type Attributes,
  encodeQuote,
  parseQuote,
  type Quote,
  type ReportBody,
  type TdReportBody,
} from './index.ts'

/** One quote of the golden parse; bytes are hex in the order of the wire. */
type Golden = Readonly<Record<string, unknown>> & {
  readonly files: readonly string[]
  readonly version: number
}
/** What the golden parse says of other things than the quote's own fields. */
const notTheQuote = new Set(['files', 'sha256_of_quote', 'pck', 'pck_error', 'trailing_bytes'])
/** The golden parse says 0 of this file; 39 bytes of text follow its quote, which say themselves that they are extra. */
const withText = 'google__go-tdx-guest/raw/testing/testdata/tdx_prod_quote_SPR_E4.dat'

await withSharedVectors('real quotes read as in the golden parse', 60, async vectors => {
  const goldens = (await vectors.json('quotes.parsed.json')) as Golden[]
  for (const golden of goldens) {
    for (const file of golden.files) {
      test(`${file}: every field is as in the golden parse, and encodes to the same bytes`, async () => {
        const bytes = quoteIn(await vectors.bytes(file))
        const quote = parseQuote(bytes)
        const ours = inGoldenTerms(quote)
        for (const [name, value] of Object.entries(golden)) {
          if (!notTheQuote.has(name)) deepEqual(ours[name], value, name)
        }
        equal(encodeQuote(quote).toHex(), bytes.slice(0, quote.byteLength).toHex())
        equal(quote.trailing.byteLength, file === withText ? 39 : golden['trailing_bytes'])
      })

      test(`${file}: cut short, or with one bit of a length or type changed, it is refused`, async () => {
        const bytes = quoteIn(await vectors.bytes(file))
        const { byteLength } = parseQuote(bytes)
        for (let length = 0; length < byteLength; length++) {
          equal(refusal(bytes.subarray(0, length)), 'ERR_FORMAT_TRUNCATED', `${length} bytes`)
        }
        const quote = parseQuote(bytes.slice(0, byteLength))
        for (const [offset, size] of lengthFields(quote)) {
          for (let bit = 0; bit < 8 * size; bit++) {
            const changed = bytes.slice(0, byteLength)
            const at = offset + (bit >> 3)
            changed[at] = (changed[at] ?? 0) ^ (1 << (bit & 7))
            match(refusal(changed) ?? 'accepted', /^ERR_FORMAT_/, `bit ${bit} at ${offset}`)
          }
        }
      })
    }
  }
})

/** A file is the quote, or JSON with the quote's bytes as numbers. */
function quoteIn(file: Uint8Array): Uint8Array {
  if (file[0] !== 0x7b) return file
  const { td_quote } = JSON.parse(Buffer.from(file).toString()) as { td_quote: number[] }
  return Uint8Array.from(td_quote)
}

function refusal(bytes: Uint8Array): string | undefined {
  try {
    parseQuote(bytes)
    return undefined
  } catch (error) {
    return error instanceof FormatError ? error.code : String(error)
  }
}

/** Offset and size of each field that says how long another is. */
function lengthFields(quote: Quote): readonly (readonly [offset: number, size: number])[] {
  const data = quote.signedBytes.byteLength
  const outer = quote.header.version === 3 ? 0 : 6
  const authData = data + 4 + 128 + outer + 448
  const certification = authData + 2 + quote.qeAuthData.byteLength
  return [
    ...(quote.header.version === 5 ? ([[48, 6]] as const) : []),
    [data, 4],
    ...(outer === 0 ? [] : ([[data + 4 + 128, 6]] as const)),
    [authData, 2],
    [certification + 2, 4],
  ]
}

await withSharedVectors('the quotes of the cases', 70, async vectors => {
  const cases = (await vectors.json('cases.json')) as { quote: string }[]
  const files = new Set(cases.map(({ quote }) => quote))
  const refusals: Readonly<Record<string, string>> = {
    'synthetic/sgx_v3_tee_tdx.quote.bin': 'quote.header.teeType',
    'synthetic/sgx_bad_att_key_type.quote.bin': 'quote.header.attestationKeyType',
    'synthetic/tdx_v5_body_type_unknown.quote.bin': 'quote.bodyType',
  }
  for (const file of files) {
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
})

function inGoldenTerms(quote: Quote): Readonly<Record<string, unknown>> {
  const { header } = quote
  return {
    quote_len: quote.byteLength,
    version: header.version,
    att_key_type: header.attestationKeyType,
    tee_type: { SGX: 0, TDX: 129 }[quote.tee],
    ...(header.version === 3 ? { qe_svn: header.qeSvn, pce_svn: header.pceSvn } : {}),
    qe_vendor_id: header.qeVendorId.toHex(),
    user_data: header.userData.toHex(),
    body_type:
      quote.tee === 'SGX' ? 1 : { '1.0': 2, '1.5': 3, '1.5-extended': 4 }[quote.body.version],
    body: quote.tee === 'SGX' ? bodyInGoldenTerms(quote.body) : tdBodyInGoldenTerms(quote.body),
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

function tdBodyInGoldenTerms(body: TdReportBody): Readonly<Record<string, unknown>> {
  const [rtmr0, rtmr1, rtmr2, rtmr3] = body.rtmrs
  const u64 = (value: bigint) => new ByteWriter('golden').u64le('value', value).done().toHex()
  return {
    tee_tcb_svn: body.teeTcbSvn.toHex(),
    mr_seam: body.mrSeam.toHex(),
    mr_signer_seam: body.mrSignerSeam.toHex(),
    seam_attributes: u64(body.seamAttributes),
    td_attributes: u64(body.tdAttributes),
    xfam: u64(body.xfam),
    mr_td: body.mrTd.toHex(),
    mr_config_id: body.mrConfigId.toHex(),
    mr_owner: body.mrOwner.toHex(),
    mr_owner_config: body.mrOwnerConfig.toHex(),
    rtmr0: rtmr0.toHex(),
    rtmr1: rtmr1.toHex(),
    rtmr2: rtmr2.toHex(),
    rtmr3: rtmr3.toHex(),
    report_data: body.reportData.toHex(),
    ...(body.version === '1.0'
      ? {}
      : { tee_tcb_svn2: body.teeTcbSvn2.toHex(), mr_service_td: body.mrServiceTd.toHex() }),
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
