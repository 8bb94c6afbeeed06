import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto'
import { deriveBytes, deriveP256 } from './p256.ts'
import { PcsError } from './pcs-error.ts'
import type { StoredAuthorities } from './stored-authorities.ts'
import {
  type CertificateUse,
  type DistinguishedName,
  issueCertificate,
  type Period,
  pemOf,
} from './x509.ts'

/** A signer of the simulated PKI. */
export interface Authority {
  readonly name: DistinguishedName
  readonly privateKey: KeyObject
  readonly certificate: Uint8Array<ArrayBuffer>
  readonly pem: string
  readonly serial: Uint8Array
}

export type Authorities = Readonly<Record<keyof StoredAuthorities, Authority>>

/** Organization in every name of the simulated PKI. */
export const organization = 'Alcove simulator, not Intel'

/** Issues the four authorities' certificates, valid from `now` where `validity` does not say otherwise. */
export function issueAuthorities(
  seed: Uint8Array,
  now: Date,
  validity: Readonly<Partial<Record<keyof StoredAuthorities, Period>>> = {},
): StoredAuthorities {
  const issue = (role: keyof StoredAuthorities): string => {
    const { years, use } = roles[role]
    const privateKey = authorityKey(seed, role)
    const { from, until } = validity[role] ?? { from: now, until: yearsAfter(now, years) }
    return pemOf(
      issueCertificate(
        {
          serial: authoritySerial(seed, role),
          subject: nameOf(role),
          publicKey: createPublicKey(privateKey),
          notBefore: from,
          notAfter: until,
          use,
        },
        { name: nameOf('root'), privateKey: authorityKey(seed, 'root') },
      ),
    )
  }
  return {
    root: issue('root'),
    processor: issue('processor'),
    platform: issue('platform'),
    tcbSigning: issue('tcbSigning'),
  }
}

/**
 * Joins stored certificates with the keys that the seed gives.
 *
 * @throws {PcsError} `ERR_SIMULATOR_AUTHORITIES` where a certificate is malformed or belongs to another seed
 */
export function openAuthorities(seed: Uint8Array, stored: StoredAuthorities): Authorities {
  const open = (role: keyof StoredAuthorities): Authority => {
    const privateKey = authorityKey(seed, role)
    const parsed = parseCertificate(role, stored[role])
    if (!parsed.publicKey.equals(createPublicKey(privateKey))) {
      throw new PcsError(role, 'belongs to another seed')
    }
    if (!parsed.verify(createPublicKey(authorityKey(seed, 'root')))) {
      throw new PcsError(role, 'is not signed by the root of this seed')
    }
    const certificate = Uint8Array.from(parsed.raw)
    const serial = authoritySerial(seed, role)
    return { name: nameOf(role), privateKey, certificate, pem: pemOf(certificate), serial }
  }
  return {
    root: open('root'),
    processor: open('processor'),
    platform: open('platform'),
    tcbSigning: open('tcbSigning'),
  }
}

/** 20 bytes whose first is neither zero nor negative in DER: every serial number has the same length. */
export function serialNumber(
  seed: Uint8Array,
  what: string,
  context: Uint8Array = new Uint8Array(),
): Uint8Array<ArrayBuffer> {
  const serial = deriveBytes(seed, `serial number of the ${what}`, context, 20)
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40
  return serial
}

export function yearsAfter(start: Date, years: number): Date {
  const end = new Date(start)
  end.setUTCFullYear(start.getUTCFullYear() + years)
  return end
}

interface Role {
  readonly commonName: string
  readonly years: number
  readonly use: CertificateUse
}

/** Intel's QVL wants these words in the names; the rest says that the platform is simulated. */
const roles: Readonly<Record<keyof StoredAuthorities, Role>> = {
  root: { commonName: 'Alcove Simulated SGX Root CA', years: 30, use: { pathLength: 1 } },
  processor: {
    commonName: 'Alcove Simulated SGX PCK Processor CA',
    years: 15,
    use: { pathLength: 0 },
  },
  platform: {
    commonName: 'Alcove Simulated SGX PCK Platform CA',
    years: 15,
    use: { pathLength: 0 },
  },
  tcbSigning: { commonName: 'Alcove Simulated SGX TCB Signing', years: 15, use: 'leaf' },
}

function authoritySerial(seed: Uint8Array, role: keyof StoredAuthorities): Uint8Array {
  return serialNumber(seed, `${role} certificate`)
}

function authorityKey(seed: Uint8Array, role: keyof StoredAuthorities): KeyObject {
  return deriveP256(seed, `${role} key`)
}

function nameOf(role: keyof StoredAuthorities): DistinguishedName {
  return { commonName: roles[role].commonName, organization }
}

function parseCertificate(role: keyof StoredAuthorities, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (cause) {
    throw new PcsError(role, 'is not a certificate in PEM', { cause })
  }
}
