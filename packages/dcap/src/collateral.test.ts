import { deepEqual, equal, throws } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { crlDer, encodeCollateral, parseCollateral } from './collateral.ts'
import { parseCrl } from './crl.ts'
import { parseQeIdentity } from './qe-identity.ts'
import { parseTcbInfo } from './tcb-info.ts'

const file = new URL('../../../vectors/sgx-v3-phala/collateral.json', import.meta.url)
const json = readFileSync(file, 'utf8')
const collateral = parseCollateral(json)

test('what is encoded is read back the same', () => {
  deepEqual(parseCollateral(encodeCollateral(collateral)), collateral)
})

test('a CRL in PEM is read as one in hex', () => {
  const pem = `-----BEGIN X509 CRL-----\n${collateral.pckCrl.toBase64()}\n-----END X509 CRL-----\n`
  deepEqual(parseCollateral(changed({ pck_crl: pem })), collateral)
})

function changed(parts: Record<string, unknown>): string {
  return JSON.stringify({ ...JSON.parse(json), ...parts })
}

for (const [what, text, code, field] of [
  ['that is not JSON', 'hello', 'ERR_COLLATERAL_FORMAT', 'collateral'],
  ['that is no object', '[]', 'ERR_COLLATERAL_VALUE', 'collateral'],
  [
    'without a part',
    changed({ qe_identity: undefined }),
    'ERR_COLLATERAL_VALUE',
    'collateral.qe_identity',
  ],
  [
    'with a part that is no string',
    changed({ tcb_info: {} }),
    'ERR_COLLATERAL_VALUE',
    'collateral.tcb_info',
  ],
  [
    'with a CRL that is neither hex nor PEM',
    changed({ root_ca_crl: '3082zz' }),
    'ERR_COLLATERAL_FORMAT',
    'collateral.root_ca_crl',
  ],
  [
    'with a PEM CRL of another label',
    changed({ pck_crl: collateral.pckCrlIssuerChain }),
    'ERR_COLLATERAL_FORMAT',
    'collateral.pck_crl',
  ],
  ['that is too large', ' '.repeat(5_000_000), 'ERR_COLLATERAL_TOO_LARGE', 'collateral'],
] as const) {
  test(`a collateral file ${what} is refused`, () => {
    throws(() => parseCollateral(text), { code, field })
  })
}

const edited = (text: string, from: string, to: string) => {
  equal(text.includes(from), true, from)
  return text.replace(from, to)
}

for (const [from, to, field] of [
  ['"version":3', '"version":4', 'tcbInfo.version'],
  ['"version":3', '"version":2', 'tcbInfo.tcbLevels'],
  ['"fmspc":"00A067110000"', '"fmspc":"00A0671100"', 'tcbInfo.fmspc'],
  ['"pceId":"0000"', '"pceId":"zzzz"', 'tcbInfo.pceId'],
  ['"tcbType":0', '"tcbType":1', 'tcbInfo.tcbType'],
  ['T10:56:11Z"', 'T10:56:11+01:00"', 'tcbInfo.issueDate'],
  ['2025-06-19T', '2025-02-30T', 'tcbInfo.issueDate'],
  ['"tcbStatus":"SWHardeningNeeded"', '"tcbStatus":"Fine"', 'tcbInfo.tcbLevels.0.tcbStatus'],
  ['"pcesvn":13', '"pcesvn":65536', 'tcbInfo.tcbLevels.0.tcb.pcesvn'],
  ['{"svn":11}', '{"svn":256}', 'tcbInfo.tcbLevels.0.tcb.sgxtcbcomponents.0.svn'],
  ['{"svn":11}', '{"svn":11},{"svn":11}', 'tcbInfo.tcbLevels.0.tcb.sgxtcbcomponents'],
] as const) {
  test(`TCB info with ${to} in place of ${from} is refused at ${field}`, () => {
    const text = edited(collateral.tcbInfo, from, to)
    throws(() => parseTcbInfo(text), { code: 'ERR_COLLATERAL_VALUE', field })
  })
}

test('unknown keys of Intel are tolerated', () => {
  const text = edited(collateral.tcbInfo, '"version":3', '"version":3,"new":{"a":[1]}')
  equal(parseTcbInfo(text).value.fmspc, '00a067110000')
})

test('TCB levels come out best first, whatever their order in the text', () => {
  const { tcbInfo, signature } = JSON.parse(collateral.tcbInfo)
  const reversed = { ...tcbInfo, tcbLevels: tcbInfo.tcbLevels.toReversed() }
  const levels = parseTcbInfo(collateral.tcbInfo).value.tcbLevels
  deepEqual(parseTcbInfo(JSON.stringify({ tcbInfo: reversed, signature })).value.tcbLevels, levels)
  // Intel's own order: by SVNs, not by date.
  deepEqual(
    levels.map(({ tcbDate, status }) => `${tcbDate.toISOString().slice(0, 10)} ${status}`),
    [
      '2024-03-13 SWHardeningNeeded',
      '2024-03-13 ConfigurationAndSWHardeningNeeded',
      '2023-02-15 OutOfDate',
      '2023-02-15 OutOfDateConfigurationNeeded',
      '2022-11-09 OutOfDate',
      '2022-11-09 OutOfDateConfigurationNeeded',
      '2021-11-10 OutOfDate',
      '2020-11-11 OutOfDate',
      '2021-11-10 OutOfDateConfigurationNeeded',
      '2020-11-11 OutOfDateConfigurationNeeded',
      '2018-01-04 OutOfDate',
    ],
  )
})

for (const [from, to, field] of [
  ['"version":2', '"version":3', 'enclaveIdentity.version'],
  ['"miscselect":"00000000"', '"miscselect":"0000"', 'enclaveIdentity.miscselect'],
  ['"isvprodid":1', '"isvprodid":-1', 'enclaveIdentity.isvprodid'],
  [
    '"tcbStatus":"UpToDate"',
    '"tcbStatus":"SWHardeningNeeded"',
    'enclaveIdentity.tcbLevels.0.tcbStatus',
  ],
] as const) {
  test(`a QE identity with ${to} in place of ${from} is refused at ${field}`, () => {
    const text = edited(collateral.qeIdentity, from, to)
    throws(() => parseQeIdentity(text), { code: 'ERR_COLLATERAL_VALUE', field })
  })
}

test('a CRL is read in every form in which it is served, with and without a NUL after it', () => {
  const { pckCrl } = collateral
  const pem = `-----BEGIN X509 CRL-----\n${pckCrl.toBase64()}\n-----END X509 CRL-----\n`
  const hex = pckCrl.toHex()
  const bytes = (text: string) => new TextEncoder().encode(text)
  const forms = [pckCrl, bytes(pem), bytes(hex), bytes(hex.toUpperCase()), bytes(`${hex}\n`)]
  for (const form of forms) {
    equal(crlDer(form, 'crl').toHex(), hex)
    equal(crlDer(Uint8Array.of(...form, 0), 'crl').toHex(), hex)
  }
  for (const text of ['', 'zz', '308', '-----BEGIN X509 CRL-----']) {
    throws(() => crlDer(bytes(text), 'crl'), { code: 'ERR_COLLATERAL_FORMAT' })
  }
  throws(() => parseCrl(crlDer(Uint8Array.of(...pckCrl, 0, 0), 'crl')), {
    code: 'ERR_FORMAT_TRAILING',
  })
})
