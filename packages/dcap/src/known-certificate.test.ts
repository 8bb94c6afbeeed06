import { equal, notEqual } from 'node:assert/strict'
import { hash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseCertificate } from './certificate.ts'
import { intelCertificates } from './intel-certificates.ts'
import { intelRoots } from './intel-roots.ts'
import {
  isKnownToBeSignedBy,
  knownCertificate,
  readCertificate,
  requireIssued,
} from './known-certificate.ts'
import { atOnce } from './later.ts'
import { P256Key } from './p256.ts'

const all = [...intelRoots, ...intelCertificates.map(({ base64 }) => Uint8Array.fromBase64(base64))]
const [rootDer = new Uint8Array()] = intelRoots
const root = parseCertificate(rootDer, 'root')

test('each known certificate has the hash that is stated, and the pinned root has signed it', () => {
  equal(all.length, 8)
  for (const { sha256, base64 } of intelCertificates) {
    const der = Uint8Array.fromBase64(base64)
    equal(hash('sha256', der), sha256)
    const certificate = parseCertificate(der, 'certificate')
    equal(root.key.verifies(certificate.signed, certificate.signature), true)
    equal(certificate.issuer.der.toHex(), root.subject.der.toHex())
  }
})

test('a known certificate is read once, whoever reads it, and is the same as read anew', () => {
  for (const der of all) {
    const certificate = readCertificate(der.slice(), 'certificate')
    equal(readCertificate(der.slice(), 'certificate'), certificate)
    requireIssued(certificate, root, { later: atOnce, refusal: () => new Error('not issued') })
    equal(isKnownToBeSignedBy(certificate, root.key), true)
    const anew = parseCertificate(der, 'certificate')
    equal(certificate.der.toHex(), anew.der.toHex())
    equal(certificate.serial, anew.serial)
    equal(certificate.key.point.toHex(), anew.key.point.toHex())
    equal(certificate.notAfter.getTime(), anew.notAfter.getTime())
    equal(isKnownToBeSignedBy(anew, root.key), false)
  }
})

test('one changed bit anywhere makes it another certificate, that the root has not signed', () => {
  for (const der of all) {
    for (let at = 0; at < der.byteLength; at++) {
      const changed = der.slice()
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8))
      equal(knownCertificate(changed), undefined)
    }
  }
})

test('of another root’s key nothing is known', () => {
  const other = new P256Key(root.key.point.slice().reverse())
  for (const der of all)
    equal(isKnownToBeSignedBy(readCertificate(der, 'certificate'), other), false)
})

test('every certificate of a CA or signer in the project’s own quotes and collateral is known', () => {
  const vectors = new URL('../../../vectors/', import.meta.url)
  const found = new Set<string>()
  for (const entry of readdirSync(vectors, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue
    for (const file of ['quote.bin', 'collateral.json']) {
      const text = readFileSync(new URL(`${entry.name}/${file}`, vectors), 'latin1')
      for (const [, base64 = ''] of text.matchAll(/-----BEGIN CERTIFICATE-----([^-]*)-----END/g)) {
        found.add(base64.replaceAll(/\\n|\s/g, ''))
      }
    }
  }
  let issued = 0
  for (const base64 of found) {
    const der = Uint8Array.fromBase64(base64)
    if (parseCertificate(der, 'found').issuer.commonName !== 'Intel SGX Root CA') continue
    notEqual(knownCertificate(der), undefined)
    issued++
  }
  equal(issued, 5)
})
