import { equal, ok, throws } from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { encodeQuote, parseQuote } from '@alcove/sgx'
import { withSharedVectors } from '../../../tools/vectors.ts'
import { parseCertificate } from './certificate.ts'
import { type Crl, parseCrl } from './crl.ts'
import { certificatesFromPem, intelRoots, parseCollateral, verify } from './index.ts'
import { atOnce } from './later.ts'
import { readPckChain } from './pck-chain.ts'
import { Revocation, type RevocationLists } from './revocation.ts'
import { verifySigningChain } from './signing-chain.ts'
import { requireTrustedRoot } from './trusted-root.ts'

const vectors = new URL('../../../vectors/sgx-v3-icelake/', import.meta.url)
const bytes = Uint8Array.from(readFileSync(new URL('quote.bin', vectors)))
const collateral = parseCollateral(readFileSync(new URL('collateral.json', vectors), 'utf8'))
const at = new Date('2023-05-29T17:54:21Z')
const quote = parseQuote(bytes)
const pemChain = new TextDecoder('latin1').decode(quote.certification.data)
const [leaf = '', intermediate = '', root = ''] = certificatesFromPem(pemChain).map(toPem)
const chain = readPckChain(quote)

function toPem(der: Uint8Array): string {
  return `-----BEGIN CERTIFICATE-----\n${der.toBase64()}\n-----END CERTIFICATE-----\n`
}

function verifyWith(pem: string, type = 5, roots = intelRoots): string {
  const certification = { type, data: new TextEncoder().encode(pem) }
  return verify(encodeQuote({ ...quote, certification }), collateral, { at, roots }).status
}

for (const order of [
  [leaf, intermediate, root],
  [leaf, root, intermediate],
  [intermediate, leaf, root],
  [intermediate, root, leaf],
  [root, leaf, intermediate],
  [root, intermediate, leaf],
]) {
  const names = order.map(pem => ['leaf', 'CA', 'root'][[leaf, intermediate, root].indexOf(pem)])
  test(`a PCK chain in the order ${names.join(', ')} verifies`, () => {
    equal(verifyWith(order.join('')), 'OutOfDate')
  })
}

for (const [what, pem] of [
  ['without its root', leaf + intermediate],
  ['without its intermediate', leaf + root],
  ['with its root twice', leaf + root + root],
  ['with a fourth certificate', leaf + intermediate + root + intermediate],
] as const) {
  test(`a PCK chain ${what} is refused`, () => {
    throws(() => verifyWith(pem), { code: 'ERR_VERIFY_PCK_CERT_CHAIN_ERROR' })
  })
}

test('two leaves are no chain', () => {
  throws(() => verifyWith(leaf + leaf + root), {
    code: 'ERR_VERIFY_INTERMEDIATE_CA_INVALID_ISSUER',
  })
})

test('certification data other than a PCK chain is refused by its type', () => {
  throws(() => verifyWith(pemChain, 3), {
    code: 'ERR_VERIFY_CERTIFICATION_DATA_UNSUPPORTED',
    facts: { type: 3 },
  })
})

const [first = new Uint8Array(), second = new Uint8Array()] = intelRoots

test('a root of a trusted key in another certificate is accepted when it signed itself', () => {
  for (const [found, trusted] of [
    [first, second],
    [second, first],
  ] as const) {
    equal(verifyWith(leaf + intermediate + toPem(found), 5, [trusted]), 'OutOfDate')
  }
})

test('a root of a trusted key that did not sign itself is refused', () => {
  const forged = Uint8Array.from(first)
  forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1
  throws(() => verifyWith(leaf + intermediate + toPem(forged)), {
    code: 'ERR_VERIFY_ROOT_CA_INVALID',
    facts: { chain: 'PCK chain', commonName: 'Intel SGX Root CA' },
  })
})

test('a trusted certificate that is not named SGX Root CA is no root', () => {
  const trusted = [chain.intermediate]
  throws(
    () => requireTrustedRoot(chain.intermediate, { trusted, chain: 'PCK chain', later: atOnce }),
    {
      code: 'ERR_VERIFY_ROOT_CA_INVALID',
      facts: { chain: 'PCK chain', commonName: 'Intel SGX PCK Platform CA' },
    },
  )
})

const lists: RevocationLists = {
  rootCaCrl: parseCrl(collateral.rootCaCrl),
  pckCrl: parseCrl(collateral.pckCrl),
}
const revoking = (crl: Crl, serial: string): Crl => ({ ...crl, revoked: new Map([[serial, at]]) })

test('a revoked intermediate CA is refused by the root CRL alone', () => {
  const { serial } = chain.intermediate
  throws(
    () =>
      new Revocation({ ...lists, rootCaCrl: revoking(lists.rootCaCrl, serial) }).require(
        chain,
        atOnce,
      ),
    {
      code: 'ERR_VERIFY_INTERMEDIATE_CA_REVOKED',
      facts: { serial, commonName: 'Intel SGX PCK Platform CA' },
    },
  )
  new Revocation({ ...lists, pckCrl: revoking(lists.pckCrl, serial) }).require(chain, atOnce)
})

test('a revoked PCK is refused by the PCK CRL alone', () => {
  const { serial } = chain.pck
  throws(
    () =>
      new Revocation({ ...lists, pckCrl: revoking(lists.pckCrl, serial) }).require(chain, atOnce),
    {
      code: 'ERR_VERIFY_PCK_REVOKED',
      facts: { serial, commonName: 'Intel SGX PCK Certificate' },
    },
  )
  new Revocation({ ...lists, rootCaCrl: revoking(lists.rootCaCrl, serial) }).require(chain, atOnce)
})

for (const [what, change] of [
  ['without a number', { crlNumber: undefined }],
  ['without its issuer key identifier', { authorityKeyId: undefined }],
  ['with a critical extension that is not understood', { unknownCritical: ['2.5.29.28'] }],
] as const) {
  test(`a CRL ${what} is refused`, () => {
    throws(
      () =>
        new Revocation({ ...lists, pckCrl: { ...lists.pckCrl, ...change } }).require(chain, atOnce),
      {
        code: 'ERR_VERIFY_CRL_INVALID_EXTENSIONS',
        facts: { crl: 'PCK CRL' },
      },
    )
  })
}

const [signing, signingRoot] = certificatesFromPem(collateral.tcbInfoIssuerChain).map(der =>
  parseCertificate(der),
)

test('a revoked TCB signing certificate is refused', () => {
  if (signing === undefined || signingRoot === undefined) throw new Error('no signing chain')
  const rootCaCrl = revoking(lists.rootCaCrl, signing.serial)
  const context = { name: 'chain', trusted: [chain.root], later: atOnce }
  const signingChain = { signing, root: signingRoot }
  throws(() => verifySigningChain(signingChain, { ...context, rootCaCrl }), {
    code: 'ERR_VERIFY_TCB_SIGNING_CERT_REVOKED',
  })
  verifySigningChain(signingChain, { ...context, rootCaCrl: lists.rootCaCrl })
})

await withSharedVectors('collateral under another trusted root', 1, async shared => {
  const name = 'synthetic/sgx_v3_plat-UpToDate_qe-UpToDate.collateral.json'
  const other = parseCollateral(JSON.stringify(await shared.json(name)))
  const pem = new TextDecoder().decode(await shared.bytes('synthetic/root.pem'))
  const roots = [...intelRoots, ...certificatesFromPem(pem)]
  test("one trusted root's TCB info does not speak for another's platform", () => {
    for (const part of ['tcbInfo', 'qeIdentity'] as const) {
      const chainName = `${part}IssuerChain` as const
      const mixed = { ...collateral, [part]: other[part], [chainName]: other[chainName] }
      throws(() => verify(bytes, mixed, { at, roots }), { code: 'ERR_VERIFY_UNTRUSTED_ROOT' })
    }
    equal(verify(bytes, collateral, { at, roots }).status, 'OutOfDate')
  })
})

test('a certificate with a critical extension that is not understood is refused', () => {
  const [root] = intelRoots
  const der = Uint8Array.from(root ?? [])
  const keyUsage = Buffer.from(der).indexOf(Buffer.from('0603551d0f0101ff', 'hex'))
  ok(keyUsage > 0)
  der[keyUsage + 4] = 0x25 // extKeyUsage in its place
  throws(() => parseCertificate(der), {
    code: 'ERR_FORMAT_VALUE',
    message: /2\.5\.29\.37 is critical and not understood/,
  })
})
