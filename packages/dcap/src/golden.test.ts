import { deepEqual, equal, ok, throws } from 'node:assert/strict'
import { test } from 'node:test'
import * as z from 'zod'
import { withSharedVectors } from '../../../tools/vectors.ts'
import { parseCertificate } from './certificate.ts'
import { parseCrl } from './crl.ts'
import { type PckCertificate, parsePckCertificate } from './pck-certificate.ts'
import { certificatesFromPem } from './pem.ts'

/** Python's integers have no leading zero digit; ours are whole bytes. */
const serial = z.string().transform(hex => hex.padStart(hex.length + (hex.length % 2), '0'))
const instant = z.string().transform(text => new Date(text))

const pckIndex = z.array(
  z.object({
    file: z.string(),
    issuer: z.string(),
    serial,
    not_before: instant,
    not_after: instant,
    pubkey: z.string(),
    ppid: z.string(),
    cpusvn: z.string(),
    pcesvn: z.number(),
    comp: z.array(z.number()),
    pceid: z.string(),
    fmspc: z.string(),
    sgx_type: z.number(),
    platform_instance_id: z.string().nullable(),
    configuration: z.object({ '1': z.boolean(), '2': z.boolean(), '3': z.boolean() }).nullable(),
  }),
)

await withSharedVectors('golden parses of PCK certificates', 33, async vectors => {
  for (const wanted of pckIndex.parse(await vectors.json('_pck/index.json'))) {
    const { file } = wanted
    const pem = new TextDecoder().decode(await vectors.bytes(file))
    test(`PCK certificate ${file}`, () => {
      const pck = parsePckCertificate(only(certificatesFromPem(pem)))
      deepEqual({ file, ...asGolden(pck) }, wanted)
      equal(pck.subject.commonName, 'Intel SGX PCK Certificate')
      equal(pck.isCa, false)
    })
  }
})

function asGolden(pck: PckCertificate): Record<string, unknown> {
  const { configuration } = pck
  return {
    issuer: pck.issuer.commonName,
    serial: pck.serial,
    not_before: pck.notBefore,
    not_after: pck.notAfter,
    pubkey: `04${pck.key.point.toHex()}`,
    ppid: pck.ppid.toHex(),
    cpusvn: pck.cpuSvn.toHex(),
    pcesvn: pck.pceSvn,
    comp: pck.components,
    pceid: pck.pceId,
    fmspc: pck.fmspc,
    sgx_type: ['standard', 'scalable', 'scalable-with-integrity'].indexOf(pck.sgxType),
    platform_instance_id: pck.platformInstanceId?.toHex() ?? null,
    configuration:
      configuration === undefined
        ? null
        : {
            '1': configuration.dynamicPlatform,
            '2': configuration.cachedKeys,
            '3': configuration.smtEnabled,
          },
  }
}

const crlIndex = z.array(
  z.object({
    file: z.string(),
    issuer: z.string(),
    this_update: instant,
    next_update: instant,
    crl_number: z.number(),
    revoked: z.array(z.object({ serial, date: instant })),
  }),
)

await withSharedVectors('golden parses of CRLs', 15, async vectors => {
  for (const wanted of crlIndex.parse(await vectors.json('_crl/index.json'))) {
    const { file } = wanted
    const der = await vectors.bytes(file)
    test(`CRL ${file}`, () => {
      const crl = parseCrl(der)
      const golden = {
        issuer: crl.issuer.commonName,
        this_update: crl.thisUpdate,
        next_update: crl.nextUpdate,
        crl_number: crl.crlNumber,
        revoked: [...crl.revoked].map(([of, date]) => ({ serial: of, date })),
      }
      deepEqual({ file, ...golden }, wanted)
      equal(crl.authorityKeyId?.byteLength, 20)
      deepEqual(crl.unknownCritical, [])
    })
    test(`CRL ${file} cut short anywhere is refused`, () => {
      for (let length = 0; length < der.byteLength; length += 7) {
        throws(() => parseCrl(der.subarray(0, length)), { name: 'FormatError' })
      }
      throws(() => parseCrl(Uint8Array.of(...der, 0)), { code: 'ERR_FORMAT_TRAILING' })
    })
  }
})

const issuerIndex = z.array(
  z.object({
    file: z.string(),
    subject: z.string(),
    serial,
    pubkey: z.string(),
    not_after: instant,
  }),
)

await withSharedVectors('golden parses of issuer certificates', 18, async vectors => {
  for (const wanted of issuerIndex.parse(await vectors.json('_issuer-certs/index.json'))) {
    const pem = new TextDecoder().decode(await vectors.bytes(wanted.file))
    if (wanted.subject === 'Open Enclave SDK') {
      test(`issuer ${wanted.file}, an RSA-signed enclave certificate, is refused`, () => {
        throws(() => parseCertificate(only(certificatesFromPem(pem))), { name: 'FormatError' })
      })
      continue
    }
    test(`issuer ${wanted.file}`, () => {
      const certificate = parseCertificate(only(certificatesFromPem(pem)))
      equal(certificate.subject.commonName, wanted.subject)
      equal(certificate.serial, wanted.serial)
      equal(`04${certificate.key.point.toHex()}`, wanted.pubkey)
      deepEqual(certificate.notAfter, wanted.not_after)
      equal(certificate.isCa, wanted.subject.endsWith(' CA'))
    })
  }
})

function only(certificates: readonly Uint8Array[]): Uint8Array {
  const [first] = certificates
  ok(first !== undefined && certificates.length === 1)
  return first
}
