import { createPublicKey, type KeyObject } from 'node:crypto'
import { ByteWriter } from '@alcove/bytes'
import {
  issueAuthorities,
  openAuthorities,
  organization,
  serialNumber,
  yearsAfter,
} from './authorities.ts'
import { type CollateralFile, type CollateralOptions, issueCollateral } from './collateral.ts'
import { deriveBytes, deriveP256 } from './p256.ts'
import { type PckPlatform, sgxExtension } from './sgx-extension.ts'
import type { StoredAuthorities } from './stored-authorities.ts'
import { issueCertificate, type Period, pemOf } from './x509.ts'

/** A provisioning certification service for simulated platforms, under a root that says so in its name. */
export interface SimulatedPcs {
  /** DER. */
  readonly rootCertificate: Uint8Array
  readonly rootPem: string
  /** What the caller keeps, so that the next start has the same root certificate, byte for byte. */
  stored(): StoredAuthorities
  /**
   * The platform's attestation key pair for its PCE, and its chain in PEM: leaf, intermediate, root.
   *
   * @throws {FormatError} `ERR_FORMAT_VALUE` for a field of the wrong length
   */
  certifyPlatform(platform: PckPlatform): CertifiedPlatform
  collateral(options: PcsCollateralOptions): CollateralFile
}

export interface PcsCollateralOptions extends CollateralOptions {
  /** What the CRLs name: an authority's certificate, or the PCK certificate of a platform at its TCB. */
  readonly revoked?: readonly ('processor' | 'platform' | 'tcbSigning' | PckPlatform)[]
}

export interface CertifiedPlatform {
  readonly privateKey: KeyObject
  readonly chainPem: string
}

export interface PcsOptions {
  /** 32 bytes, secret: every private key follows from it. */
  readonly seed: Uint8Array
  /** Start of validity of what is issued. */
  readonly now: Date
  /** What `stored()` answered for the same seed; without it the authorities are issued anew. */
  readonly stored?: StoredAuthorities
  /** Where a certificate is to be expired, or not yet valid; `pck` for every platform's. Not for what is `stored`. */
  readonly validity?: Readonly<Partial<Record<keyof StoredAuthorities | 'pck', Period>>>
}

/**
 * @throws {PcsError} `ERR_SIMULATOR_AUTHORITIES` where `stored` is malformed or belongs to another seed
 * @throws {FormatError} `ERR_FORMAT_VALUE` for a seed that is not 32 bytes long
 * @see docs/formats/simulated-pki.md
 */
export function createPcs(options: PcsOptions): SimulatedPcs {
  const seed = new ByteWriter('pcs').bytes('seed', options.seed, 32).done()
  const stored = options.stored ?? issueAuthorities(seed, options.now, options.validity)
  const authorities = openAuthorities(seed, stored)
  const { root } = authorities
  const pckPeriod = options.validity?.pck ?? {
    from: options.now,
    until: yearsAfter(options.now, 7),
  }
  const pckSerial = (platform: PckPlatform) =>
    serialNumber(seed, 'PCK certificate', platformIdentity(platform))
  return {
    rootCertificate: root.certificate,
    rootPem: root.pem,
    stored: () => stored,
    certifyPlatform: platform => {
      const identity = platformIdentity(platform)
      const privateKey = deriveP256(seed, 'PCK', identity)
      const instanceId = deriveBytes(seed, 'platform instance', platform.ppid, 16)
      const issuer = authorities[platform.ca]
      const leaf = issueCertificate(
        {
          serial: pckSerial(platform),
          subject: { commonName: 'Alcove Simulated SGX PCK Certificate', organization },
          publicKey: createPublicKey(privateKey),
          notBefore: pckPeriod.from,
          notAfter: pckPeriod.until,
          use: 'leaf',
          extensions: [sgxExtension(platform, instanceId)],
        },
        issuer,
      )
      return { privateKey, chainPem: pemOf(leaf) + issuer.pem + root.pem }
    },
    collateral: ({ revoked = [], ...options }) => {
      const onRootCrl = revoked.filter(one => typeof one === 'string')
      const onPckCrl = revoked.filter(one => typeof one !== 'string')
      return issueCollateral(authorities, options, {
        root: onRootCrl.map(role => authorities[role].serial),
        pck: onPckCrl.filter(({ ca }) => ca === options.ca).map(pckSerial),
      })
    },
  }
}

/** A platform at another TCB, or under the other CA, has another key. */
function platformIdentity(platform: PckPlatform): Uint8Array {
  return new ByteWriter('platform')
    .bytes('ppid', platform.ppid, 16)
    .bytes('cpuSvn', platform.cpuSvn, 16)
    .u16le('pceSvn', platform.pceSvn)
    .bytes('pceId', platform.pceId, 2)
    .bytes('fmspc', platform.fmspc, 6)
    .u8('ca', platform.ca === 'processor' ? 0 : 1)
    .done()
}
